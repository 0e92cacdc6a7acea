/** How loud the avatar is; remembered in this browser. */

import { remember, remembered } from "./storage.js";

const KEY = "avatar.volume";

/**
 * @param {import("./player.js").Player} player
 * @param {HTMLInputElement} slider 0 to 100
 * @param {HTMLButtonElement} button mutes
 */
export function setUpVolume(player, slider, button) {
  slider.value = remembered(KEY) ?? slider.value;
  player.volume = slider.valueAsNumber / 100;
  const mute = (muted) => {
    player.muted = muted;
    button.ariaPressed = String(muted);
    button.querySelector("use").setAttribute("href", `icons.svg#${muted ? "muted" : "speaker"}`);
  };
  slider.addEventListener("input", () => {
    player.volume = slider.valueAsNumber / 100;
    mute(false);
  });
  slider.addEventListener("change", () => remember(KEY, slider.value));
  button.addEventListener("click", () => mute(!player.muted));
}
