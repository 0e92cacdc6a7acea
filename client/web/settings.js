/** The dialog with microphone, speaker and captions; the choices are remembered in this browser. */

import { setUpDevicePicker } from "./devices.js";
import { remember, remembered } from "./storage.js";

const CAPTIONS_KEY = "avatar.captions";

/**
 * @param {(id: string) => HTMLElement} $
 * @param {object} parts
 * @param {import("./player.js").Player} parts.player
 * @param {import("./captions.js").Captions} parts.captions
 * @param {import("./notice.js").Notice} parts.notice
 * @param {(deviceId: string | null) => void} parts.onMicrophone
 * @returns {() => Promise<void>} lists the devices anew, for when their names have become known
 */
export function setUpSettings($, { player, captions, notice, onMicrophone }) {
  $("settings-open").addEventListener("click", () => $("settings").showModal());
  captions.enabled = $("captions-on").checked = remembered(CAPTIONS_KEY) !== "off";
  $("captions-on").addEventListener("change", (event) => {
    captions.enabled = event.target.checked;
    remember(CAPTIONS_KEY, event.target.checked ? "on" : "off");
  });
  const fillMicrophones = setUpDevicePicker($("microphones"), "audioinput", (deviceId) =>
    onMicrophone(deviceId || null),
  );
  const fillSpeakers = setUpDevicePicker($("speakers"), "audiooutput", async (deviceId) => {
    try {
      await player.setSpeaker(deviceId);
    } catch {
      notice.show("The speaker is not available", "Pick another one in the settings.");
    }
  });
  $("speakers-label").hidden = !player.choosesSpeaker;
  $("speakers-note").hidden = player.choosesSpeaker;
  return async () => {
    await Promise.all([fillMicrophones(), fillSpeakers()]);
  };
}
