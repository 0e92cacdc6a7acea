/**
 * A talking avatar for your own web page, without a user interface: give it a `<video>` element.
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

import { Connection, notConnected } from "./connection.js";
import { Conversation } from "./conversation.js";
import { Microphone } from "./microphone.js";
import { AvatarError, Signalling } from "./signalling.js";

export { AvatarError };

const HOME = new URL(".", import.meta.url).href;
const PASSED_ON = ["caption", "transcript", "warning"]; // events that change nothing here
/** @typedef {import("./conversation.js").Turn} Turn */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */

/**
 * A session with an avatar, kept alive over lost connections. It fires CustomEvents:
 *
 * | event | `detail` |
 * |---|---|
 * | `state` | `{state, attempt, retryIn, place}`: a {@link ConnectionState}; while reconnecting, the number of the try and the seconds until it; while waiting, the place in the line of a full server (1 is next) |
 * | `session` | the server's `ready` event: `session`, `avatar` and so on; again when another avatar is shown |
 * | `speaking` | `{on, utterance, reason}`: the avatar begins or ends to speak; `utterance` null: the microphone; `reason`: "started", "finished" or "interrupted" |
 * | `caption` | `{utterance, text, final}`: the part of an utterance heard so far |
 * | `conversation` | `{state, reason}`: whose turn it is, a {@link Turn}; "preparing": asked for and not begun yet; `reason` says what interrupted: "voice", "button", "text" or "api" |
 * | `transcript` | `{turn, text, final}`: what the user says in a conversation, as far as it is recognised; `final` once it is answered. It takes the place of what came with the same `turn` before, even if that was final |
 * | `warning` | `{reason, seconds, message}`: the session ends in `seconds` because nobody speaks ("idle", see {@link AvatarClient#stay}) or because its time is over ("maximum"); `seconds` null: after all it does not |
 * | `microphone` | `{on}`: the microphone was switched, by a call or because it went away |
 * | `error` | {@link AvatarError}: `code`, `message` for people, `retryAfter`, `fatal` |
 */
export class AvatarClient extends EventTarget {
  #url;
  #token;
  #signalling;
  #connection;
  #microphone = new Microphone((error) => this.#microphoneLost(error));
  #conversation = new Conversation(
    (event) => this.#connection.send(event),
    (state) => this.#emit("conversation", state),
  );
  #speaking = false;
  #utterances = 0;

  /**
   * @param {object} [options]
   * @param {string} [options.url] address of the server; by default the one that served this file
   * @param {string | null} [options.token] bearer token, where the server asks for one
   * @param {string | null} [options.avatar] name of the avatar; that of the persona or the
   *   server's default if absent
   * @param {string | null} [options.persona] whom to talk to; by default the avatar's persona
   * @param {number | null} [options.size] width of the pictures in pixels, 256, 512 or 768, as far
   *   as the server offers it; {@link AvatarClient#session} tells the size
   */
  constructor({ url = HOME, token = null, avatar = null, persona = null, size = null } = {}) {
    super();
    /** Name of the avatar that the next session asks for; null: see the constructor. */
    this.avatar = avatar;
    /** Name of the persona that the next session and conversation ask for; null: as above. */
    this.persona = persona;
    /** Size of the pictures that the next session asks for; null: the server's default. */
    this.size = size;
    /** The avatar's picture and sound. It stays the same object over reconnections. */
    this.stream = new MediaStream();
    /** Pictures per second that the server draws; fewer than `session.fps` while it is too busy. */
    this.pictureRate = null;
    this.#url = url;
    this.#token = token;
    this.#signalling = new Signalling(url, token);
    this.#connection = new Connection(this.#signalling, {
      wishes: () => ({ avatar: this.avatar, persona: this.persona, size: this.size }),
      track: (track) => this.#addTrack(track),
      message: (message) => this.#receive(message),
      up: (resumed) => this.#up(resumed),
      down: () => this.#down(),
      state: (detail) => this.#emit("state", detail),
      lost: (error) => this.#emit("error", error),
      over: (error) => this.#over(error),
    });
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#connection.state;
  }

  /** @returns {{session: string, avatar: string, fps: number, size: number, max_text: number} | null} */
  get session() {
    return this.#connection.session;
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
    this.#connection.signalling = this.#signalling;
  }

  /**
   * The avatars that the server has, with small pictures of them, which may take longer.
   * @returns {Promise<{default: string, avatars: {name: string, title: string,
   *   picture: Promise<Blob>}[]}>}
   * @throws {AvatarError}
   */
  async avatars() {
    return this.#signalling.avatars();
  }

  /**
   * The personas that the server offers.
   * @returns {Promise<{default: string, personas: {name: string, title: string, about: string,
   *   avatar: string | null, language: string}[]}>}
   * @throws {AvatarError}
   */
  async personas() {
    return this.#signalling.personas();
  }

  /**
   * Fetch ahead what {@link connect} needs, so that it saves a round trip. Optional.
   * @throws {AvatarError}
   */
  async prepare() {
    await this.#connection.prepare();
  }

  /**
   * Connect; resolves when the avatar can be spoken to. If the connection is lost later, it is
   * restored automatically, with attempts for ten minutes. With a full server it waits in the queue
   * until {@link close}. Call it from a click or key: browsers play no sound before one.
   * @throws {AvatarError} not fired as an `error` event; `retryAfter` is set if the server, and the
   *   line in front of it, are full
   */
  async connect() {
    await this.#connection.open();
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
   * @param {{persona?: string | null}} [options] whom to talk to, from now on; its face is shown
   * @throws {AvatarError} not connected
   */
  converse(on, { persona = null } = {}) {
    if (this.state !== "connected") throw notConnected();
    if (on) {
      if (persona) {
        this.persona = persona;
        this.avatar = null; // that of the persona
      }
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
    if (this.state !== "connected") throw notConnected();
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
   * Change how the face moves from now on; parameters left out keep their values.
   * @param {object} change
   * @param {number} [change.head] strength of the head's motion, 0 (still) to 2
   * @param {number} [change.guidance] weight of classifier-free guidance, 1 to 4
   * @param {number} [change.seed] seed of the random part of the motion, 0 to 2^32 - 1
   */
  move({ head, guidance, seed }) {
    this.#send({ type: "express", head, guidance, seed });
  }

  /**
   * Switch to another avatar; the `session` event says when it is shown, an `error` event why it
   * cannot be.
   * @param {string} avatar
   */
  show(avatar) {
    this.avatar = avatar;
    this.#send({ type: "show", avatar });
  }

  /** The user is still there, though nobody speaks: the answer to a `warning`. */
  stay() {
    this.#send({ type: "stay" });
  }

  /**
   * Switch the microphone. In a conversation the avatar listens to it; where there is none, the
   * avatar speaks what it hears.
   * @param {boolean} on
   * @param {{deviceId?: string | null}} [options] which microphone; the browser's choice if absent.
   *   Switching on again with another one changes over without a gap in the session.
   * @throws {AvatarError} no permission, no microphone, not connected; "cancelled": it was switched
   *   otherwise, or the session or the conversation ended, or one began, while the user was asked
   */
  async setMicrophone(on, { deviceId = null } = {}) {
    if (!on) {
      this.#dropMicrophone();
      return;
    }
    const { link } = this.#connection;
    const conversing = this.#conversation.wanted;
    if (this.state !== "connected") throw notConnected();
    const wanted = () =>
      link === this.#connection.link && conversing === this.#conversation.wanted;
    await link.setMicrophoneTrack(await this.#microphone.open(deviceId, wanted));
    if (!this.#conversation.wanted) this.#send({ type: "microphone", on: true });
    this.#emit("microphone", { on: true });
  }

  /**
   * Statistics of the connection; null when there is none.
   * @returns {Promise<import("./statistics.js").Statistics | null>}
   */
  async stats() {
    return this.#connection.link?.stats() ?? null;
  }

  /** End the session at both ends. {@link connect} begins a new one. */
  close() {
    this.#dropMicrophone();
    this.#conversation.forget();
    this.#connection.close();
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
  }

  #up(resumed) {
    this.#conversation.resume(resumed);
    const { track } = this.#microphone;
    if (track === null) return;
    if (!this.#conversation.wanted) this.#connection.send({ type: "microphone", on: true });
    this.#connection.link.setMicrophoneTrack(track);
  }

  #down() {
    this.pictureRate = null;
    this.#conversation.suspend();
    this.#setSpeaking({ on: false, utterance: null, reason: "interrupted" });
  }

  #over(error) {
    this.#emit("error", error);
    this.close();
  }

  #addTrack(track) {
    for (const old of this.stream.getTracks()) {
      if (old.kind === track.kind) this.stream.removeTrack(old);
    }
    this.stream.addTrack(track);
  }

  #receive(message) {
    const { type } = message;
    if (type === "ready") this.#emit("session", message);
    else if (type === "speaking") this.#spoke(message);
    else if (type === "state") this.#conversation.receive(message);
    else if (type === "picture_rate") this.pictureRate = message.fps;
    else if (type === "error") this.#refused(message);
    else if (PASSED_ON.includes(type)) this.#emit(type, message);
  }

  #spoke(message) {
    this.#setSpeaking(message);
    // Somebody else interrupted: the server no longer listens to the microphone.
    const ended = !message.on && (message.utterance ?? null) === null;
    if (ended && message.reason === "interrupted") this.#dropMicrophone();
  }

  #refused({ code, message, retry_after: retryAfter = null }) {
    if (code === "no_conversation" || code === "unknown_persona") {
      if (this.#conversation.refused(retryAfter)) return;
      this.#dropMicrophone(); // nobody listens to it
    }
    this.#emit("error", new AvatarError(code, message, { retryAfter }));
  }

  #setSpeaking({ on, utterance, reason }) {
    if (!on && !this.#speaking) return;
    this.#speaking = on;
    this.#emit("speaking", { on, utterance, reason });
  }

  #microphoneLost(error) {
    this.#microphoneOff();
    this.#emit("error", error);
  }

  #dropMicrophone() {
    const on = this.microphone;
    this.#microphone.stop();
    if (on) this.#microphoneOff();
  }

  #microphoneOff() {
    this.#connection.send({ type: "microphone", on: false });
    this.#connection.link?.setMicrophoneTrack(null);
    this.#emit("microphone", { on: false });
  }

  #send(event) {
    if (!this.#connection.send(event)) throw notConnected();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
