/** How long to wait from try to try, and what ends the waiting. */

const FIRST = 500; // ms; doubles from try to try
const MOST = 10_000; // ms
const TRIES = 64; // ten minutes

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

/**
 * Call `act` once: after `ms` or, `early`, as soon as there is new hope, because the network is back
 * or somebody looks at the page again.
 * @param {number} ms
 * @param {(early: boolean) => void} act
 * @returns {() => void} calls it off
 */
export function hopefully(ms, act) {
  const waiting = new AbortController();
  const { signal } = waiting;
  const timer = setTimeout(() => end(false), ms);
  function end(early) {
    callOff();
    act(early);
  }
  function callOff() {
    clearTimeout(timer);
    waiting.abort();
  }
  addEventListener("online", () => end(true), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || end(true), { signal });
  return callOff;
}
