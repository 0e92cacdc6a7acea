/** How long to wait from try to try. */

const FIRST = 500; // ms; doubles from try to try
const MOST = 10_000; // ms
const TRIES = 10;

export class Backoff {
  /** Number of the try that {@link next} was last asked for. */
  tries = 0;

  /**
   * @param {number | null} atLeast seconds that the server asked for
   * @returns {number | null} ms until the next try; null: no more
   */
  next(atLeast) {
    if (this.tries >= TRIES) return null;
    const pause = Math.min(FIRST * 2 ** this.tries, MOST);
    this.tries += 1;
    // Spread out, so that a server that comes back does not meet everybody at once.
    return Math.max(pause * (0.75 + 0.5 * Math.random()), (atLeast ?? 0) * 1000);
  }

  reset() {
    this.tries = 0;
  }
}
