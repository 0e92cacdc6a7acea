/** The mood that the user gives the face. */

import { MOODS } from "./looks.js";

export class Mood {
  #client;
  #select;
  #strength;

  /**
   * @param {import("./avatar-client.js").AvatarClient} client
   * @param {HTMLSelectElement} select
   * @param {HTMLInputElement} strength 0 to 100
   */
  constructor(client, select, strength) {
    this.#client = client;
    this.#select = select;
    this.#strength = strength;
    select.append(...MOODS.map(([emotion, label]) => new Option(label, emotion)));
    for (const element of [select, strength]) {
      element.addEventListener("change", () => this.#express());
    }
  }

  /** A mood that was chosen here goes before that of the avatar's persona. */
  keep() {
    if (this.#select.value !== "none") this.#express();
  }

  #express() {
    this.#strength.disabled = this.#select.value === "none";
    if (this.#client.state !== "connected") return;
    this.#client.express(this.#select.value, this.#strength.valueAsNumber / 100);
  }
}
