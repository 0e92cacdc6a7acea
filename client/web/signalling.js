/**
 * The HTTP side of a session: what the server offers, the SDP exchange, trickled candidates,
 * the end. Mirrors the bodies of `streaming/protocol.py`.
 */

const REQUEST_TIMEOUT = 10_000; // ms
const DEFAULT_RETRY_AFTER = 5; // s, for a busy server that does not say
const LINE_LOST = 2_000; // ms before it is asked again by an offer
const LINE_SILENT = 15_000; // ms without a sign of the server, which gives one every 3 s

/** @typedef {{ticket: string, place: number, ready: boolean}} QueuePlace in line; 1 is next */

/** An error with a code for programs and a message for people. */
export class AvatarError extends Error {
  /**
   * @param {string} code short name for programs, e.g. "full", "unreachable", "microphone-denied"
   * @param {string} message what is wrong and what to do
   * @param {{status?: number, retryAfter?: number | null, queue?: QueuePlace | null, fatal?: boolean,
   *   cause?: unknown}} [more]
   *   `status`: of the HTTP answer, 0 if there was none; `retryAfter`: seconds to wait before
   *   another try; `queue`: the place in line that a full server gave; `fatal`: the session is
   *   over and trying again would not help
   */
  constructor(
    code,
    message,
    { status = 0, retryAfter = null, queue = null, fatal = false, cause } = {},
  ) {
    super(message, { cause });
    this.name = "AvatarError";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.queue = queue;
    this.fatal = fatal;
  }
}

export class Signalling {
  #base;
  #token;

  /**
   * @param {string} url address of the server
   * @param {string | null} token sent as a bearer token when given
   */
  constructor(url, token) {
    this.#base = url.endsWith("/") ? url : `${url}/`;
    this.#token = token;
  }

  /** @returns {Promise<{iceServers: RTCIceServer[], avatar: string}>} */
  async config() {
    return this.#json("GET", "api/config");
  }

  /**
   * @returns {Promise<{default: string, avatars: {name: string, title: string,
   *   picture: Promise<Blob>}[]}>}
   */
  async avatars() {
    const { avatars, default: chosen } = await this.#json("GET", "api/avatars");
    // Fetched rather than linked, because an `<img>` sends no token; what is seen first, first.
    const first = avatars.toSorted((a, b) => (b.name === chosen) - (a.name === chosen));
    const pictures = new Map(first.map(({ name, thumbnail }) => [name, this.#blob(thumbnail)]));
    return {
      default: chosen,
      avatars: avatars.map(({ name, title }) => ({ name, title, picture: pictures.get(name) })),
    };
  }

  /**
   * Whom there is to talk to.
   * @returns {Promise<{default: string, personas: {name: string, title: string, about: string,
   *   avatar: string | null, language: string}[]}>}
   */
  async personas() {
    return this.#json("GET", "v1/personas");
  }

  /**
   * @typedef {object} Wishes
   * @property {string | null} [avatar] its name; that of the persona or the server's if absent
   * @property {string | null} [persona] its name; the server's choice if absent
   * @property {number | null} [size] width of the pictures in pixels; the usual one if absent
   * @property {string | null} [resume] name of a connection that was lost, to get its session
   * @property {string | null} [ticket] of the line of a full server, when its turn has come
   * @param {RTCSessionDescription | RTCSessionDescriptionInit} description
   * @param {Wishes} wishes
   * @returns {Promise<{sdp: string, type: "answer", pc_id: string}>}
   */
  async offer(description, { avatar, persona, size, resume, ticket }) {
    const body = { sdp: description.sdp, type: description.type };
    if (avatar) body.avatar = avatar;
    if (persona) body.persona = persona;
    if (size) body.size = size;
    if (resume) body.pc_id = resume;
    if (ticket) body.ticket = ticket;
    return this.#json("POST", "api/offer", body);
  }

  /**
   * @param {string} session the `pc_id` of the answer
   * @param {RTCIceCandidate[]} candidates
   */
  async candidates(session, candidates) {
    await this.#request("PATCH", "api/offer", {
      pc_id: session,
      candidates: candidates.map((candidate) => ({
        candidate: candidate.candidate,
        sdp_mid: candidate.sdpMid,
        sdp_mline_index: candidate.sdpMLineIndex,
      })),
    });
  }

  /** End a session; outlives the page, so that it works while the page is left. */
  async end(session) {
    await this.#request("DELETE", `api/offer/${encodeURIComponent(session)}`, undefined, true);
  }

  /**
   * Wait in the line of a full server; resolves when it is the ticket's turn, some time after it is
   * lost (the next offer then gets another one) or when it is given up.
   * @param {QueuePlace} place as the refusal had it
   * @param {(place: number) => void} onPlace called whenever the place changes
   * @param {AbortSignal} signal gives the place up
   */
  async turn(place, onPlace, signal) {
    const path = `api/queue/${encodeURIComponent(place.ticket)}`;
    onPlace(place.place);
    // Lost: the next offer says what is the matter.
    const told = await this.#follow(path, onPlace, signal).catch(() => false);
    if (!told && !signal.aborted) await pause(LINE_LOST, signal);
    if (signal.aborted) this.#request("DELETE", path, undefined, true).catch(() => {});
  }

  /** @returns {Promise<boolean>} true once the server says that the waiting is over */
  async #follow(path, onPlace, signal) {
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), LINE_SILENT);
    };
    heard();
    // A stream and no timer asks: browsers slow the timers of hidden pages down.
    const accept = { Accept: "text/event-stream" };
    const response = await this.#fetch("GET", path, accept, { signal: either });
    if (!response.ok) return false;
    const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { value, done } = await lines.read();
      heard();
      if (done) return false;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1];
        const now = data ? JSON.parse(data) : {};
        if (now.ready || event.startsWith("event: gone")) return true;
        if (now.place) onPlace(now.place);
      }
    }
  }

  async #blob(path) {
    return (await this.#request("GET", path)).blob();
  }

  async #json(method, path, body) {
    const response = await this.#request(method, path, body);
    try {
      return await response.json();
    } catch (cause) {
      throw new AvatarError("not-the-server", NOT_THE_SERVER, { cause });
    }
  }

  async #request(method, path, body, keepalive = false) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await this.#fetch(method, path, headers, {
        keepalive,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT),
      });
    } catch (cause) {
      throw new AvatarError(
        "unreachable",
        "The server does not answer. Check that it is running and that your network is up.",
        { cause },
      );
    }
    if (!response.ok) throw await problem(response);
    return response;
  }

  #fetch(method, path, headers, more) {
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    return fetch(new URL(path, this.#base), { method, headers, cache: "no-store", ...more });
  }
}

const NOT_THE_SERVER =
  "What answered is not the avatar server. Perhaps this network wants you to sign in first: open " +
  "any other page to see. If not, tell whoever runs the server.";

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
  });
}

/** The error that a refusing answer stands for. */
export async function problem(response) {
  let code = `http-${response.status}`;
  let message = `The server refused (${response.status} ${response.statusText}).`;
  let queue = null;
  try {
    const body = await response.json();
    code = body.error ?? code;
    message = body.message ?? message;
    queue = body.queue ?? null;
  } catch {
    // Not written by the server itself (a proxy, say): the status line has to do.
  }
  const status = response.status;
  const seconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  const retryAfter = Number.isFinite(seconds) ? seconds : DEFAULT_RETRY_AFTER;
  return new AvatarError(code, message, {
    status,
    retryAfter: status === 503 || status === 429 ? retryAfter : null,
    queue,
    fatal: status >= 400 && status < 500 && status !== 408 && status !== 429,
  });
}
