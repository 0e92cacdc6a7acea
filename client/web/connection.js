/** A connection that comes back when it is lost: to its session, or to a new one once that ended. */

import { Backoff, hopefully } from "./backoff.js";
import { Link } from "./link.js";
import { AvatarError } from "./signalling.js";

const CONFIG_KEPT = 60_000; // ms
const GONE = "The server could not be reached for ten minutes. Connect again when it is back.";

/**
 * @typedef {"idle" | "connecting" | "waiting" | "connected" | "reconnecting" | "closed"} ConnectionState
 */

/**
 * @typedef {object} Hooks what the owner of a connection is asked and told
 * @property {() => {avatar: string | null, persona: string | null, size: number | null}} wishes what to ask for
 * @property {(track: MediaStreamTrack) => void} track one of the avatar's has come
 * @property {(message: object) => void} message an event of `streaming/protocol.py`
 * @property {(resumed: boolean) => void} up connected; resumed: to the session it had before
 * @property {() => void} down not connected any more, perhaps for a while
 * @property {(detail: {state: ConnectionState, attempt: number, retryIn: number, place: number}) =>
 *   void} state
 * @property {(error: AvatarError) => void} lost it is tried again
 * @property {(error: AvatarError) => void} over it is not
 */

export class Connection {
  /** The `ready` event of the session; null while there is no connection. */
  session = null;
  #hooks;
  #signalling;
  #config = null;
  #configAsked = 0;
  #link = null;
  #state = "idle";
  #former = { name: null, session: null }; // of the connection that was lost
  #callOffRetry = () => {};
  #backoff = new Backoff();
  #waiting = new AbortController(); // aborted when nobody waits for a link any more
  #opening = null; // promise of a link

  /**
   * @param {import("./signalling.js").Signalling} signalling
   * @param {Hooks} hooks
   */
  constructor(signalling, hooks) {
    this.#signalling = signalling;
    this.#hooks = hooks;
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#state;
  }

  /** @returns {Link | null} */
  get link() {
    return this.#link;
  }

  /** Used from the next request on. */
  set signalling(signalling) {
    this.#signalling = signalling;
    this.#config = null;
  }

  /** Fetch ahead what {@link open} needs. @throws {AvatarError} */
  async prepare() {
    // Not kept for long: it may hold credentials of a TURN server, which run out.
    if (this.#config === null || performance.now() - this.#configAsked > CONFIG_KEPT) {
      this.#config = this.#signalling.config();
      this.#configAsked = performance.now();
    }
    try {
      return await this.#config;
    } catch (error) {
      this.#config = null;
      throw error;
    }
  }

  /** Connect, from now on again and again. @throws {AvatarError} for the first time only */
  async open() {
    if (this.#state === "connected") return;
    if (this.#state === "connecting" || this.#state === "waiting") {
      await this.#opening;
      return;
    }
    this.#suspend()?.drop(); // of a try to come back
    const { signal } = this.#waiting;
    this.#setState("connecting");
    try {
      await this.#open();
    } catch (error) {
      if (!signal.aborted) this.#setState("closed"); // else it was closed, or opened anew
      throw error;
    }
  }

  /** @returns {boolean} false if there is no connection now */
  send(event) {
    return this.#link?.send(event) ?? false;
  }

  /** End the session at both ends, also one that waits for its connection to come back. */
  close() {
    const { name } = this.#former;
    this.#former = { name: null, session: null };
    if (name !== null && this.#link?.name !== name) this.#signalling.end(name).catch(() => {});
    this.#suspend()?.close();
    if (this.#state !== "idle" && this.#state !== "closed") this.#setState("closed");
  }

  #open() {
    this.#opening = this.#connect();
    return this.#opening;
  }

  async #connect() {
    const { signal } = this.#waiting;
    const { iceServers } = await this.prepare();
    const link = await this.#openLink(iceServers, signal);
    link.addEventListener("lost", ({ detail }) => {
      if (link !== this.#link) return;
      this.#link = null; // to close it would end the session
      this.#lost(detail);
    });
    const resumed = this.session.session === this.#former.session;
    this.#former = { name: link.name, session: this.session.session };
    this.#backoff.reset();
    this.#hooks.up(resumed);
    this.#setState("connected");
  }

  /** A link that is open, after as long in the line of a full server as that takes. */
  async #openLink(iceServers, signal) {
    for (let ticket = null; ; ) {
      checkWanted(signal);
      const link = new Link(this.#signalling, iceServers, this.#hooks.track);
      this.#link = link;
      link.addEventListener("message", ({ detail }) => this.#receive(link, detail));
      try {
        const resume = this.#former.name;
        const session = await link.open({ ...this.#hooks.wishes(), resume, ticket });
        checkWanted(signal);
        this.session = session;
        return link;
      } catch (error) {
        if (link === this.#link) this.#link = null;
        if (!error.queue || signal.aborted) throw error;
        const tell = (place) => this.#setState("waiting", { place });
        await this.#signalling.turn(error.queue, tell, signal);
        ticket = error.queue.ticket;
      }
    }
  }

  /** Give up the link, and any try to make one. @returns {Link | null} the link, to be closed */
  #suspend() {
    this.#callOffRetry();
    this.#waiting.abort();
    this.#waiting = new AbortController();
    this.#backoff.reset();
    const link = this.#link;
    this.#link = null;
    this.session = null;
    this.#hooks.down();
    return link;
  }

  #receive(link, message) {
    if (link !== this.#link) return;
    if (message.type === "ready") this.session = message;
    if (message.type !== "error" || !message.fatal) {
      this.#hooks.message(message);
    } else if (this.#state === "connected") {
      const error = new AvatarError(message.code, message.message);
      if (message.code === "session_expired") this.#giveUp(error);
      else this.#lost(error);
    }
  }

  #lost(error) {
    this.#hooks.lost(error);
    this.#suspend()?.close();
    this.#retry(null);
  }

  #retry(retryAfter) {
    const delay = this.#backoff.next(retryAfter);
    if (delay === null) {
      this.#giveUp(new AvatarError("lost", GONE));
      return;
    }
    this.#setState("reconnecting", { attempt: this.#backoff.tries, retryIn: delay / 1000 });
    this.#callOffRetry = hopefully(delay, (early) => {
      if (early) this.#backoff.reset();
      this.#reopen();
    });
  }

  async #reopen() {
    const { signal } = this.#waiting;
    try {
      await this.#open();
    } catch (error) {
      if (signal.aborted) return;
      if (error.fatal) this.#giveUp(error);
      else this.#retry(error.retryAfter);
    }
  }

  #giveUp(error) {
    this.close();
    this.#hooks.over(error);
  }

  #setState(state, { attempt = 0, retryIn = 0, place = 0 } = {}) {
    this.#state = state;
    this.#hooks.state({ state, attempt, retryIn, place });
  }
}

function checkWanted(signal) {
  if (signal.aborted) throw new AvatarError("closed", "The connection was closed.");
}

export function notConnected() {
  return new AvatarError("not-connected", "There is no connection to the avatar. Connect first.");
}
