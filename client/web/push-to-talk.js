/** Push-to-talk: the microphone hears only while a button or the space bar is held. */

const KEYS_OF_ITS_OWN = "input, select, textarea, button, dialog, [contenteditable]";

/** Fires `talk` (CustomEvent, `detail`: true while the user wants to be heard). */
export class PushToTalk extends EventTarget {
  #button;
  #enabled = false;
  #talking = false;

  /** @param {HTMLButtonElement} button */
  constructor(button) {
    super();
    this.#button = button;
    button.addEventListener("pointerdown", ({ button }) => button === 0 && this.#talk(true));
    button.addEventListener("contextmenu", (event) => this.#enabled && event.preventDefault());
    document.addEventListener("keydown", (event) => this.#key(event, true));
    document.addEventListener("keyup", (event) => this.#key(event, false));
    // Wherever the finger goes up, and where a key's release would not be heard of.
    for (const type of ["pointerup", "pointercancel", "blur"]) {
      addEventListener(type, () => this.#talk(false));
    }
  }

  get enabled() {
    return this.#enabled;
  }

  set enabled(enabled) {
    this.#talk(false);
    this.#enabled = enabled;
    this.#button.toggleAttribute("data-push", enabled);
  }

  /** True while the button or the space bar is held. */
  get talking() {
    return this.#talking;
  }

  #key(event, down) {
    if (event.code !== "Space" || !this.#enabled) return;
    if (!down) this.#talk(false); // wherever the focus has gone meanwhile
    const own = event.target.closest(KEYS_OF_ITS_OWN);
    if (own !== null && own !== this.#button) return;
    event.preventDefault(); // neither scrolls nor clicks
    if (down) this.#talk(true);
  }

  #talk(talking) {
    if (!this.#enabled || talking === this.#talking) return;
    this.#talking = talking;
    this.#button.toggleAttribute("data-talking", talking);
    this.dispatchEvent(new CustomEvent("talk", { detail: talking }));
  }
}
