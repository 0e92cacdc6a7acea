/** The pickers of microphone and speaker; the choices are remembered in this browser. */

import { remember, remembered } from "./storage.js";

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceKind} kind
 * @param {(deviceId: string) => void} onChoice also called when the remembered choice comes or goes
 * @returns {() => Promise<void>} fills the picker anew, for when the names have become known
 */
export function setUpDevicePicker(select, kind, onChoice) {
  const key = `avatar.${kind}`;
  let told = "";
  // Not only when it is picked: the chosen device may come and go, and browsers name it late.
  const tell = () => {
    if (select.value === told) return;
    told = select.value;
    onChoice(told);
  };
  const fill = async () => {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const own = devices.filter((device) => device.kind === kind && device.deviceId !== "default");
    const options = [new Option("As the system has it", "")];
    own.forEach((device, index) => {
      // Browsers hide the list until the microphone was allowed once.
      const label = device.label || `Device ${index + 1}`;
      if (device.deviceId) options.push(new Option(label, device.deviceId));
    });
    const chosen = remembered(key) ?? "";
    select.replaceChildren(...options);
    select.value = options.some((option) => option.value === chosen) ? chosen : "";
    tell();
  };
  select.addEventListener("change", () => {
    remember(key, select.value);
    tell();
  });
  navigator.mediaDevices?.addEventListener("devicechange", fill);
  fill();
  return fill;
}
