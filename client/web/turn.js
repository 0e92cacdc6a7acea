/** The sign over the picture that says whose turn it is. */

const INTERRUPTED = 1_200; // ms for which it is said; the server goes on at once

const WORDS = {
  preparing: "Getting ready…",
  listening: "Listening",
  thinking: "Thinking…",
  speaking: "Speaking",
  interrupted: "Interrupted",
};

/** What to do when the avatar listens, by how it hears. */
const LISTENING = {
  voice: WORDS.listening,
  push: "Hold to talk",
  text: "Waiting for your words",
};

export class TurnSign {
  #element;
  #words;
  #state = "off";
  #hearing = "text";
  #timer = 0;

  /**
   * @param {HTMLElement} element gets the state as `data-turn`
   * @param {HTMLElement} words gets it in words
   */
  constructor(element, words) {
    this.#element = element;
    this.#words = words;
  }

  /** @param {import("./conversation.js").Turn} state */
  show(state) {
    const held = this.#timer !== 0 && state === "listening";
    this.#state = state;
    if (held) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (state === "interrupted") {
      this.#timer = setTimeout(() => {
        this.#timer = 0;
        this.#draw();
      }, INTERRUPTED);
    }
    this.#draw();
  }

  /** @param {"voice" | "push" | "text"} hearing how the avatar hears the user at present */
  set hearing(hearing) {
    this.#hearing = hearing;
    if (this.#timer === 0) this.#draw();
  }

  #draw() {
    const listening = this.#state === "listening";
    this.#element.dataset.turn = this.#state;
    this.#words.textContent = listening ? LISTENING[this.#hearing] : (WORDS[this.#state] ?? "");
  }
}
