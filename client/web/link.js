/**
 * One peer connection to the server, from its offer to its loss. It never comes back: who wants
 * another one makes another one.
 */

import { AvatarError } from "./signalling.js";
import { StatisticsReader } from "./statistics.js";

const CHANNEL_LABEL = "avatar";
const CONNECT_TIMEOUT = 15_000; // ms
const PICTURE_DELAY = 80; // ms; see the constructor
const PING_INTERVAL = 2_000; // ms
const SILENCE_LIMIT = 7_000; // ms without any message: the server is gone
const DISCONNECTED_LIMIT = 4_000; // ms that ICE may take to find its way back

/**
 * Events: `message` (CustomEvent, `detail` is a server event of `streaming/protocol.py`), `lost`
 * (CustomEvent, `detail` is an AvatarError; at most once, never after `close`).
 */
export class Link extends EventTarget {
  #signalling;
  #peer;
  #channel;
  #microphone;
  #session = null;
  #resumes = null; // name of the connection to whose session this one comes back
  #kept = null; // and that of a session that does not end with it
  #candidates = [];
  #flushing = false;
  #closed = false;
  #ended = false;
  #heard = 0;
  #pingTimer = 0;
  #pingSent = new Map();
  #pingId = 0;
  #roundTrip = null; // ms, of the last ping
  #disconnectedTimer = 0;
  #statistics = new StatisticsReader();
  #opened = Promise.withResolvers();

  /**
   * @param {import("./signalling.js").Signalling} signalling
   * @param {RTCIceServer[]} iceServers
   * @param {(track: MediaStreamTrack) => void} onTrack called for each track of the avatar
   * @throws {AvatarError} the browser has no WebRTC, or does not take the servers
   */
  constructor(signalling, iceServers, onTrack) {
    super();
    this.#signalling = signalling;
    this.#peer = newPeer(iceServers);
    // The microphone's place is negotiated from the start, without a track: switching it on and
    // off then needs no renegotiation.
    this.#microphone = this.#peer.addTransceiver("audio", { direction: "sendrecv" });
    const video = this.#peer.addTransceiver("video", { direction: "recvonly" });
    // Browsers buffer sound longer than pictures and take ten seconds to bring both together.
    // With this head start the lips fit from the first word on.
    if ("jitterBufferTarget" in video.receiver) video.receiver.jitterBufferTarget = PICTURE_DELAY;
    this.#channel = this.#peer.createDataChannel(CHANNEL_LABEL);
    this.#peer.ontrack = (event) => onTrack(event.track);
    this.#peer.onicecandidate = (event) => this.#trickle(event.candidate);
    this.#peer.onconnectionstatechange = () => this.#watch();
    this.#channel.onmessage = (event) => this.#receive(event.data);
    this.#channel.onclose = () => this.#lose("The server ended the connection.");
    // Nobody waits for it once the offer has failed.
    this.#opened.promise.catch(() => {});
  }

  /** The server's name of this connection, once it has answered. @returns {string | null} */
  get name() {
    return this.#session;
  }

  /**
   * Connect; resolves with the server's `ready` event.
   * @param {import("./signalling.js").Wishes} wishes
   * @throws {AvatarError} refused, unreachable, or no media path within 15 s
   */
  async open(wishes) {
    this.#resumes = wishes.resume ?? null;
    const timer = setTimeout(() => this.#lose(NO_PATH, "no-path"), CONNECT_TIMEOUT);
    try {
      // A closed peer connection leaves its promises open for ever; #opened settles in any case.
      return await Promise.race([this.#negotiate(wishes), this.#opened.promise]);
    } catch (error) {
      this.drop();
      if (error instanceof AvatarError) throw error;
      throw new AvatarError("no-path", `The browser could not connect: ${error.message}`, {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async #negotiate(wishes) {
    await this.#peer.setLocalDescription();
    const answer = await this.#signalling.offer(this.#peer.localDescription, wishes);
    this.#session = answer.pc_id;
    if (this.#ended) this.#end();
    this.#flush();
    await this.#peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    return this.#opened.promise;
  }

  /**
   * Send a client event of `streaming/protocol.py`.
   * @returns {boolean} false if the channel is not open
   */
  send(event) {
    if (this.#channel.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(event));
    return true;
  }

  /** Send this track as the microphone; null sends nothing. */
  setMicrophoneTrack(track) {
    return this.#microphone.sender.replaceTrack(track);
  }

  /** @returns {Promise<import("./statistics.js").Statistics>} */
  async stats() {
    return this.#statistics.read(await this.#peer.getStats(), this.#roundTrip);
  }

  /** Close at both ends: the session is over. */
  close() {
    this.#leave(null);
  }

  /** Close; a session that it was to come back to is not over, and waits for another link. */
  drop() {
    this.#leave(this.#resumes);
  }

  #leave(kept) {
    this.#shut();
    if (this.#ended) return;
    this.#ended = true;
    this.#kept = kept;
    this.#end();
  }

  /** Close at this end. */
  #shut() {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#disconnectedTimer);
    this.#opened.reject(new AvatarError("closed", "The connection was closed."));
    this.#peer.close();
  }

  #end() {
    if (this.#session === null || this.#session === this.#kept) return;
    // The server also notices by itself, only later: a failure here needs no answer.
    this.#signalling.end(this.#session).catch(() => {});
  }

  #trickle(candidate) {
    if (candidate) this.#candidates.push(candidate);
    this.#flush();
  }

  /** Send the candidates found so far, one request at a time. */
  async #flush() {
    if (this.#session === null || this.#flushing || this.#closed) return;
    this.#flushing = true;
    try {
      while (this.#candidates.length > 0) {
        await this.#signalling.candidates(this.#session, this.#candidates.splice(0));
      }
    } catch {
      // The server reaches us through the checks that we send it; if no path is found at all,
      // the connect timeout says so.
    } finally {
      this.#flushing = false;
    }
  }

  #receive(data) {
    this.#heard = performance.now();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // not of this protocol
    }
    if (message.type === "pong") {
      const sent = this.#pingSent.get(message.id);
      this.#pingSent.clear();
      if (sent !== undefined) this.#roundTrip = this.#heard - sent;
      return;
    }
    if (message.type === "ready") {
      this.#opened.resolve(message);
      this.#pingTimer ||= setInterval(() => this.#ping(), PING_INTERVAL);
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #ping() {
    if (performance.now() - this.#heard > SILENCE_LIMIT) {
      this.#lose("The server no longer answers.");
      return;
    }
    this.#pingId += 1;
    this.#pingSent.set(this.#pingId, performance.now());
    this.send({ type: "ping", id: this.#pingId });
  }

  #watch() {
    clearTimeout(this.#disconnectedTimer);
    const state = this.#peer.connectionState;
    if (state === "failed") this.#lose(NO_PATH, "no-path");
    if (state === "disconnected") {
      this.#disconnectedTimer = setTimeout(
        () => this.#lose("The connection to the server was lost."),
        DISCONNECTED_LIMIT,
      );
    }
  }

  #lose(message, code = "lost") {
    if (this.#closed) return;
    const error = new AvatarError(code, message);
    this.#opened.reject(error);
    this.#shut();
    this.dispatchEvent(new CustomEvent("lost", { detail: error }));
  }
}

function newPeer(iceServers) {
  if (!("RTCPeerConnection" in globalThis)) {
    throw new AvatarError("no-webrtc", NO_WEBRTC, { fatal: true });
  }
  try {
    return new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
  } catch (cause) {
    const message = `The server names a STUN or TURN server that this browser does not take (${cause.message}). Tell whoever runs it.`;
    throw new AvatarError("no-path", message, { fatal: true, cause });
  }
}

const NO_WEBRTC =
  "This browser has no WebRTC, or an extension or a setting switches it off. Use a current Chrome, " +
  "Edge, Firefox or Safari.";

const NO_PATH =
  "No media path to the server was found. A firewall may block UDP: try another network, " +
  "or ask whoever runs the server to set up TURN.";
