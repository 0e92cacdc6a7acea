/**
 * The HTTP side of a session: what the server offers, the SDP exchange, trickled candidates,
 * the end. Mirrors the bodies of `streaming/protocol.py`.
 */

const REQUEST_TIMEOUT = 10_000; // ms
const DEFAULT_RETRY_AFTER = 5; // s, for a busy server that does not say

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
    return (await this.#request("GET", "api/config")).json();
  }

  /**
   * @returns {Promise<{default: string, avatars: {name: string, title: string,
   *   picture: Promise<Blob>}[]}>}
   */
  async avatars() {
    const { avatars, default: chosen } = await (await this.#request("GET", "api/avatars")).json();
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
    return (await this.#request("GET", "v1/personas")).json();
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
    return (await this.#request("POST", "api/offer", body)).json();
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
   * Wait in the line of a full server; resolves when it is the ticket's turn, when it is lost (the
   * next offer then gets another one) or given up.
   * @param {QueuePlace} place as the refusal had it
   * @param {(place: number) => void} onPlace called whenever the place changes
   * @param {AbortSignal} signal gives the place up
   */
  async turn(place, onPlace, signal) {
    const path = `api/queue/${encodeURIComponent(place.ticket)}`;
    onPlace(place.place);
    try {
      // A stream and no timer: browsers slow the timers of hidden pages down.
      const response = await this.#fetch("GET", path, { Accept: "text/event-stream" }, { signal });
      if (!response.ok) return;
      const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
        const { value, done } = await lines.read();
        if (done) return;
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)?.[1];
          const now = data ? JSON.parse(data) : {};
          if (now.ready || event.startsWith("event: gone")) return;
          if (now.place) onPlace(now.place);
        }
      }
    } catch {
      // Lost: the next offer says what is the matter.
      if (signal.aborted) this.#request("DELETE", path, undefined, true).catch(() => {});
    }
  }

  async #blob(path) {
    return (await this.#request("GET", path)).blob();
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
