/** The box to write in: Enter sends, the length is watched, suggestions wait to be clicked. */

const MAX_TEXT = 4_000; // until the server has said what it takes
const WARN_BELOW = 500; // characters left from which the count is shown

export class Composer {
  /** Characters that one text may have. */
  maxText = MAX_TEXT;
  #text;
  #send;
  #hint;
  #remaining;
  #suggestions;
  #submit;

  /**
   * @param {HTMLFormElement} form with a `textarea`, a submit button, an `output`, and `.sends`
   * @param {HTMLElement} suggestions list
   * @param {(words: string) => Promise<boolean>} submit resolves to false if it was not sent
   */
  constructor(form, suggestions, submit) {
    this.#text = form.querySelector("textarea");
    this.#send = form.querySelector("[type=submit]");
    this.#hint = form.querySelector(".sends");
    this.#remaining = form.querySelector("output");
    this.#suggestions = suggestions;
    this.#submit = submit;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#take();
    });
    this.#text.addEventListener("input", () => this.#showRemaining());
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.#send.disabled) form.requestSubmit();
    });
  }

  set enabled(enabled) {
    this.#send.disabled = !enabled;
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {import("./modes.js").Mode} mode */
  show({ prompt, label, send, suggestions }) {
    this.#text.placeholder = prompt;
    this.#text.labels[0].textContent = label;
    this.#send.ariaLabel = send;
    this.#send.title = `${send} (Enter)`;
    this.#hint.textContent = `${send.toLowerCase()}s`;
    this.#suggestions.replaceChildren(...suggestions.map((words) => this.#suggestion(words)));
  }

  #suggestion(words) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", () => this.#submit(words));
    item.append(button);
    return item;
  }

  async #take() {
    const words = this.#text.value.trim();
    if (words === "" || words.length > this.maxText) return;
    this.#text.value = "";
    this.#showRemaining();
    if (!(await this.#submit(words)) && this.#text.value === "") this.#text.value = words;
  }

  #showRemaining() {
    const left = this.maxText - this.#text.value.trim().length;
    this.#remaining.hidden = left > WARN_BELOW;
    this.#remaining.textContent = left < 0 ? `${-left} too many` : `${left} left`;
    this.#remaining.toggleAttribute("data-over", left < 0);
  }
}
