/** How the face moves: strength of the head's motion, emphasis of the lips, and chance. */

const LARGEST_SEED = 2 ** 32;
const PLAIN = { head: 100, guidance: 120 };

export class Movement {
  #client;
  #inputs;
  #seed = null;

  /**
   * @param {import("./avatar-client.js").AvatarClient} client
   * @param {object} elements
   * @param {HTMLInputElement} elements.head 0 to 200, 100 as the model moves it
   * @param {HTMLInputElement} elements.guidance 100 to 200, in hundredths
   * @param {HTMLButtonElement} elements.again moves differently from now on
   */
  constructor(client, { head, guidance, again }) {
    this.#client = client;
    this.#inputs = { head, guidance };
    for (const [name, input] of Object.entries(this.#inputs)) {
      input.addEventListener("change", () => this.#move({ [name]: input.valueAsNumber / 100 }));
    }
    again.addEventListener("click", () => {
      this.#seed = Math.floor(Math.random() * LARGEST_SEED);
      this.#move({ seed: this.#seed });
    });
  }

  /** Tell a new session what was chosen before it. */
  keep() {
    const chosen = Object.entries(this.#inputs)
      .filter(([name, input]) => input.valueAsNumber !== PLAIN[name])
      .map(([name, input]) => [name, input.valueAsNumber / 100]);
    if (this.#seed !== null) chosen.push(["seed", this.#seed]);
    if (chosen.length) this.#move(Object.fromEntries(chosen));
  }

  #move(change) {
    if (this.#client.state === "connected") this.#client.move(change);
  }
}
