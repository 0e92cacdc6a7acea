/**
 * A talking avatar in a web page, without any user interface: bring a `<video>`, get a face.
 *
 * ```js
 * import { AvatarClient } from "https://your.server/avatar-client.js";
 *
 * const client = new AvatarClient({ url: "https://your.server" });
 * client.addEventListener("caption", ({ detail }) => console.log(detail.text));
 * client.addEventListener("error", ({ detail }) => console.warn(detail.message));
 * addEventListener("pagehide", () => client.close()); // frees the place at once
 *
 * button.onclick = async () => { // browsers play no sound before a click
 *   video.srcObject = client.stream; // <video autoplay playsinline>
 *   await client.connect();
 *   client.say("Hello! I am glad to see you."); // the avatar speaks your words
 *   client.converse(true); // or it listens and answers
 *   client.setMicrophone(true).catch(() => client.chat("I have no microphone."));
 * };
 * ```
 */

import { Backoff } from "./backoff.js";
import { Conversation } from "./conversation.js";
import { Link } from "./link.js";
import { Microphone, openMicrophone } from "./microphone.js";
import { AvatarError, Signalling } from "./signalling.js";

export { AvatarError };

const HOME = new URL(".", import.meta.url).href;
/** @typedef {import("./conversation.js").Turn} Turn */
/**
 * @typedef {"idle" | "connecting" | "waiting" | "connected" | "reconnecting" | "closed"} ConnectionState
 */

/**
 * A session with an avatar, kept alive over lost connections. It fires CustomEvents:
 *
 * | event | `detail` |
 * |---|---|
 * | `state` | `{state, attempt, retryIn, place}`: a {@link ConnectionState}; while reconnecting, the number of the try and the seconds until it; while waiting, the place in the line of a full server (1 is next) |
 * | `speaking` | `{on, utterance, reason}`: the avatar begins or ends to speak; `utterance` null: the microphone; `reason`: "started", "finished" or "interrupted" |
 * | `caption` | `{utterance, text, final}`: the part of an utterance heard so far |
 * | `conversation` | `{state, reason}`: whose turn it is, a {@link Turn}; "preparing": asked for and not begun yet; `reason` says what interrupted: "voice", "button", "text" or "api" |
 * | `transcript` | `{text, final}`: what the user says in a conversation, as far as it is recognised; `final` once it is answered |
 * | `microphone` | `{on}`: the microphone was switched, by a call or because it went away |
 * | `error` | {@link AvatarError}: `code`, `message` for people, `retryAfter`, `fatal` |
 */
export class AvatarClient extends EventTarget {
  #url;
  #token;
  #signalling;
  #config = null;
  #link = null;
  #microphone = new Microphone((error) => this.#microphoneLost(error));
  #conversation = new Conversation(
    (event) => this.#link?.send(event),
    (state) => this.#emit("conversation", state),
  );
  #state = "idle";
  #speaking = false;
  #retryTimer = 0;
  #backoff = new Backoff();
  #waiting = new AbortController(); // aborted by #stop
  #utterances = 0;

  /**
   * @param {object} [options]
   * @param {string} [options.url] address of the server; by default the one that served this file
   * @param {string | null} [options.token] bearer token, where the server asks for one
   * @param {string | null} [options.avatar] name of the avatar; the server's default if absent
   */
  constructor({ url = HOME, token = null, avatar = null } = {}) {
    super();
    /** Name of the avatar that the next connection asks for; null: the server's default. */
    this.avatar = avatar;
    /** The avatar's picture and sound. It stays the same object over reconnections. */
    this.stream = new MediaStream();
    /** @type {{session: string, avatar: string, fps: number, size: number, max_text: number} | null} */
    this.session = null;
    /** Pictures per second that the server draws; fewer than `session.fps` while it is too busy. */
    this.pictureRate = null;
    this.#url = url;
    this.token = token;
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#state;
  }

  /** True while the avatar speaks. */
  get speaking() {
    return this.#speaking;
  }

  /** Whose turn it is in the conversation; "off" if there is none. @returns {Turn} */
  get conversation() {
    return this.#conversation.state;
  }

  /** True while the microphone is on: listened to in a conversation, else spoken by the avatar. */
  get microphone() {
    return this.#microphone.track !== null;
  }

  /** The microphone's track, e.g. for a level meter. @returns {MediaStreamTrack | null} */
  get microphoneTrack() {
    return this.#microphone.track;
  }

  get microphoneMuted() {
    return this.#microphone.muted;
  }

  /** A muted microphone stays on and sends silence: for push-to-talk. Kept when it is switched. */
  set microphoneMuted(muted) {
    this.#microphone.muted = muted;
  }

  get token() {
    return this.#token;
  }

  /** A new token is used from the next request on. */
  set token(token) {
    this.#token = token;
    this.#signalling = new Signalling(this.#url, token);
    this.#config = null;
  }

  /**
   * The avatars that the server has, with small pictures of them.
   * @returns {Promise<{default: string, avatars: {name: string, title: string, picture: Blob}[]}>}
   * @throws {AvatarError}
   */
  async avatars() {
    return this.#signalling.avatars();
  }

  /**
   * Fetch ahead what {@link connect} needs, so that it saves a round trip. Optional.
   * @throws {AvatarError}
   */
  async prepare() {
    this.#config ??= this.#signalling.config();
    try {
      return await this.#config;
    } catch (error) {
      this.#config = null;
      throw error;
    }
  }

  /**
   * Connect; resolves when the avatar can be spoken to. A connection lost later is made anew by
   * itself; at a full server it waits in line, until {@link close}. Call it from a click or key: browsers play no sound before one.
   * @throws {AvatarError} not fired as an `error` event; `retryAfter` is set if the server, and the
   *   line in front of it, are full
   */
  async connect() {
    if (["connecting", "waiting", "connected"].includes(this.#state)) return;
    this.#stop();
    this.#setState("connecting");
    try {
      await this.#open();
    } catch (error) {
      if (this.#state === "connecting" || this.#state === "waiting") this.#setState("closed");
      throw error;
    }
  }

  /**
   * Speak `text` after whatever is being spoken.
   * @param {string} text
   * @returns {string} the utterance's name in `speaking` and `caption` events
   * @throws {AvatarError} not connected
   */
  say(text) {
    this.#utterances += 1;
    const utterance = `${this.session?.session.slice(0, 8) ?? "u"}-${this.#utterances}`;
    this.#send({ type: "say", text, utterance });
    return utterance;
  }

  /**
   * Hold a conversation: the avatar listens to the microphone, answers, and stops when it is
   * spoken over. A conversation goes on after a lost connection, and begins by itself as soon as
   * the server can hold one; if it cannot at all, an `error` event "no_conversation" says why.
   * @param {boolean} on false ends it and switches the microphone off
   * @param {{persona?: string | null}} [options] who to talk to; the server's default if absent
   * @throws {AvatarError} not connected
   */
  converse(on, { persona = null } = {}) {
    if (this.#state !== "connected") throw notConnected();
    if (on) {
      this.#conversation.begin(persona);
      return;
    }
    this.#dropMicrophone();
    this.#conversation.end();
  }

  /**
   * Say something in the conversation by text.
   * @param {string} text
   * @throws {AvatarError} not connected
   */
  chat(text) {
    if (this.#state !== "connected") throw notConnected();
    this.#conversation.chat(text);
  }

  /**
   * Silence the avatar at once and drop what waits to be spoken. A conversation goes on; where
   * there is none, the microphone is switched off.
   */
  interrupt() {
    if (!this.#conversation.wanted) this.#dropMicrophone();
    this.#send({ type: "interrupt" });
  }

  /**
   * Set the emotion of the face from now on.
   * @param {string} emotion e.g. "happiness", "sadness", "surprise"; "none" lets it be
   * @param {number} [intensity] 0 to 1
   */
  express(emotion, intensity = 1) {
    this.#send({ type: "express", emotion, intensity });
  }

  /**
   * Switch the microphone. In a conversation the avatar listens to it; where there is none, the
   * avatar speaks what it hears.
   * @param {boolean} on
   * @param {{deviceId?: string | null}} [options] which microphone; the browser's choice if absent.
   *   Switching on again with another one changes over without a gap in the session.
   * @throws {AvatarError} no permission, no microphone, not connected; "cancelled": the session or
   *   the conversation ended, or one began, while the user was asked
   */
  async setMicrophone(on, { deviceId = null } = {}) {
    if (!on) {
      this.#dropMicrophone();
      return;
    }
    const link = this.#link;
    const conversing = this.#conversation.wanted;
    if (this.#state !== "connected") throw notConnected();
    const track = await openMicrophone(deviceId);
    if (link !== this.#link || conversing !== this.#conversation.wanted) {
      track.stop();
      throw new AvatarError("cancelled", "What the microphone was for is over.");
    }
    this.#microphone.use(track);
    await link.setMicrophoneTrack(track);
    if (!this.#conversation.wanted) this.#send({ type: "microphone", on: true });
    this.#emit("microphone", { on: true });
  }

  /**
   * What the connection does now; null when there is none.
   * @returns {Promise<import("./statistics.js").Statistics | null>}
   */
  async stats() {
    return this.#link?.stats() ?? null;
  }

  /** End the session at both ends. {@link connect} begins a new one. */
  close() {
    this.#dropMicrophone();
    this.#conversation.forget();
    this.#stop();
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
    if (this.#state !== "idle" && this.#state !== "closed") this.#setState("closed");
  }

  async #open() {
    const { signal } = this.#waiting;
    const { iceServers } = await this.prepare();
    const link = await this.#openLink(iceServers, signal);
    link.addEventListener("lost", ({ detail }) => this.#lost(link, detail));
    this.#backoff.reset();
    this.#conversation.resume();
    this.#setState("connected");
    const { track } = this.#microphone;
    if (track !== null) {
      if (!this.#conversation.wanted) link.send({ type: "microphone", on: true });
      await link.setMicrophoneTrack(track);
    }
  }

  /** A link that is open, after as long in the line of a full server as that takes. */
  async #openLink(iceServers, signal) {
    for (let ticket = null; ; ) {
      if (signal.aborted) throw closed();
      const link = new Link(this.#signalling, iceServers, (track) => this.#addTrack(track));
      this.#link = link;
      link.addEventListener("message", ({ detail }) => this.#receive(link, detail));
      try {
        this.pictureRate = null;
        this.session = await link.open(this.avatar, ticket);
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

  /** Take down the link, if any, and give up any try to make one. */
  #stop() {
    clearTimeout(this.#retryTimer);
    this.#waiting.abort();
    this.#waiting = new AbortController();
    this.#backoff.reset();
    const link = this.#link;
    this.#link = null;
    this.session = null;
    link?.close();
    this.#conversation.suspend();
    this.#setSpeaking({ on: false, utterance: null, reason: "interrupted" });
  }

  #addTrack(track) {
    for (const old of this.stream.getTracks()) {
      if (old.kind === track.kind) this.stream.removeTrack(old);
    }
    this.stream.addTrack(track);
  }

  #receive(link, message) {
    if (link !== this.#link) return;
    if (message.type === "caption") this.#emit("caption", message);
    else if (message.type === "speaking") this.#spoke(message);
    else if (message.type === "state") this.#conversation.receive(message);
    else if (message.type === "transcript") this.#emit("transcript", message);
    else if (message.type === "picture_rate") this.pictureRate = message.fps;
    else if (message.type === "error") this.#serverError(link, message);
  }

  #spoke(message) {
    this.#setSpeaking(message);
    // Somebody else interrupted: the server no longer listens to the microphone.
    const ended = !message.on && (message.utterance ?? null) === null;
    if (ended && message.reason === "interrupted") this.#dropMicrophone();
  }

  #serverError(link, { code, message, fatal, retry_after: retryAfter = null }) {
    if (code === "no_conversation") {
      if (this.#conversation.refused(retryAfter)) return;
      this.#dropMicrophone(); // nobody listens to it
    }
    const error = new AvatarError(code, message, { retryAfter });
    if (!fatal) this.#emit("error", error);
    else if (this.#state === "connected") this.#lost(link, error);
  }

  #setSpeaking({ on, utterance, reason }) {
    if (!on && !this.#speaking) return;
    this.#speaking = on;
    this.#emit("speaking", { on, utterance, reason });
  }

  #lost(link, error) {
    if (link !== this.#link) return;
    this.#emit("error", error);
    this.#stop();
    this.#retry(null);
  }

  #retry(retryAfter) {
    const delay = this.#backoff.next(retryAfter);
    if (delay === null) {
      const message = "The server could not be reached again. Connect anew when it is back.";
      this.#giveUp(new AvatarError("lost", message));
      return;
    }
    this.#setState("reconnecting", { attempt: this.#backoff.tries, retryIn: delay / 1000 });
    this.#retryTimer = setTimeout(() => this.#reopen(), delay);
  }

  async #reopen() {
    const attempt = this.#backoff.tries;
    try {
      await this.#open();
    } catch (error) {
      const trying = this.#state === "reconnecting" || this.#state === "waiting";
      if (!trying || this.#backoff.tries !== attempt) return;
      if (error.fatal) this.#giveUp(error);
      else this.#retry(error.retryAfter);
    }
  }

  #giveUp(error) {
    this.#emit("error", error);
    this.close();
  }

  #microphoneLost(error) {
    this.#dropMicrophone();
    this.#emit("error", error);
  }

  #dropMicrophone() {
    if (!this.microphone) return;
    this.#microphone.stop();
    this.#link?.send({ type: "microphone", on: false });
    this.#link?.setMicrophoneTrack(null);
    this.#emit("microphone", { on: false });
  }

  #send(event) {
    if (!this.#link?.send(event)) throw notConnected();
  }

  #setState(state, { attempt = 0, retryIn = 0, place = 0 } = {}) {
    this.#state = state;
    this.#emit("state", { state, attempt, retryIn, place });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function closed() {
  return new AvatarError("closed", "The connection was closed.");
}

function notConnected() {
  return new AvatarError("not-connected", "There is no connection to the avatar. Connect first.");
}
