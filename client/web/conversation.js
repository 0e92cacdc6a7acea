/**
 * A conversation as the client wants it: asked for again while the server's engines load and
 * after a reconnection.
 */

const TRIES = 20; // refusals in a row after which it is given up
const AT_LEAST = 0.5; // s between two of them, whatever the server says

/** @typedef {"off" | "preparing" | "listening" | "thinking" | "speaking" | "interrupted"} Turn */

export class Conversation {
  #send;
  #onState;
  #wish = null; // the `converse` event that asks for it
  #state = "off";
  #unsent = []; // texts written before it began
  #refusals = 0;
  #timer = 0;
  #resuming = false; // the server is about to say whether it goes on

  /**
   * @param {(event: object) => void} send
   * @param {(state: {state: Turn, reason: string | null}) => void} onState
   */
  constructor(send, onState) {
    this.#send = send;
    this.#onState = onState;
  }

  /** @returns {Turn} */
  get state() {
    return this.#state;
  }

  /** True from {@link begin} to {@link end}, over lost connections. */
  get wanted() {
    return this.#wish !== null;
  }

  /** @param {string | null} persona */
  begin(persona) {
    this.#wish = { type: "converse", on: true, persona };
    this.#refusals = 0;
    this.#ask();
  }

  end() {
    const begun = this.#state !== "preparing";
    this.forget(begun ? this.#state : "off"); // the server says when one that had begun is off
    this.#send({ type: "converse", on: false });
  }

  /** Say `text`; kept until the conversation has begun. */
  chat(text) {
    if (this.#state === "preparing") this.#unsent.push(text);
    else this.#send({ type: "chat", text });
  }

  /** There is no connection for now. */
  suspend() {
    clearTimeout(this.#timer);
    this.#show(this.wanted ? "preparing" : "off");
  }

  /**
   * There is a connection again.
   * @param {boolean} resumed to the same session, in which it may still be going on
   */
  resume(resumed) {
    this.#resuming = resumed;
    if (this.wanted && !resumed) this.#ask();
  }

  /** The server says whose turn it is. */
  receive({ state, reason = null }) {
    const resuming = this.#resuming;
    this.#resuming = false;
    if (resuming && state === "off" && this.wanted) {
      this.#ask();
      return;
    }
    // That of the conversation that this one takes the place of.
    if (state === "off" && this.#state === "preparing") return;
    if (state === "off") this.forget("off", reason);
    else this.#show(state, reason);
    for (const text of this.#unsent.splice(0)) this.#send({ type: "chat", text });
  }

  /**
   * The server begins no conversation now.
   * @param {number | null} retryAfter seconds
   * @returns {boolean} whether it is asked again
   */
  refused(retryAfter) {
    this.#refusals += 1;
    if (this.#state !== "preparing" || retryAfter === null || this.#refusals > TRIES) {
      this.forget("off");
      return false;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), Math.max(AT_LEAST, retryAfter) * 1000);
    return true;
  }

  /** Want no conversation any more. */
  forget(state = "off", reason = null) {
    clearTimeout(this.#timer);
    this.#wish = null;
    this.#unsent = [];
    this.#show(state, reason);
  }

  #ask() {
    this.#show("preparing");
    this.#send(this.#wish);
  }

  #show(state, reason = null) {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState({ state, reason });
  }
}
