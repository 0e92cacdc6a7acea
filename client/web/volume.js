/** How loud the avatar is. */

/**
 * @param {import("./player.js").Player} player
 * @param {HTMLInputElement} slider 0 to 100
 * @param {HTMLButtonElement} button mutes
 */
export function setUpVolume(player, slider, button) {
  const mute = (muted) => {
    player.muted = muted;
    button.ariaPressed = String(muted);
    button.querySelector("use").setAttribute("href", `icons.svg#${muted ? "muted" : "speaker"}`);
  };
  slider.addEventListener("input", () => {
    player.volume = slider.valueAsNumber / 100;
    mute(false);
  });
  button.addEventListener("click", () => mute(!player.muted));
}
