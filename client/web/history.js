/** What can be undone and redone. */

const MERGE_WITHIN = 1_000; // ms

/** @template T */
export class History {
  #past = [];
  #future = [];
  #present;
  #mergeKey = null;
  #mergeUntil = 0;

  /** @param {T} present */
  constructor(present) {
    this.#present = present;
  }

  /** @returns {T} */
  get present() {
    return this.#present;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /**
   * Go on from `state`.
   * @param {T} state
   * @param {string | null} [mergeKey] steps in quick succession with the same key count as one
   */
  push(state, mergeKey = null) {
    const now = performance.now();
    const merges = mergeKey !== null && mergeKey === this.#mergeKey && now < this.#mergeUntil;
    if (!merges) this.#past.push(this.#present);
    this.#future = [];
    this.#present = state;
    this.#mergeKey = mergeKey;
    this.#mergeUntil = now + MERGE_WITHIN;
  }

  undo() {
    if (!this.canUndo) return;
    this.#future.push(this.#present);
    this.#present = this.#past.pop();
    this.#mergeKey = null;
  }

  redo() {
    if (!this.canRedo) return;
    this.#past.push(this.#present);
    this.#present = this.#future.pop();
    this.#mergeKey = null;
  }
}
