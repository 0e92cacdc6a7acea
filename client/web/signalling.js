/**
 * The HTTP side of a session: what the server offers, the SDP exchange, trickled candidates,
 * the end. Mirrors the bodies of `streaming/protocol.py`.
 */

const REQUEST_TIMEOUT = 10_000; // ms
const DEFAULT_RETRY_AFTER = 5; // s, for a busy server that does not say

/** An error with a code for programs and a message for people. */
export class AvatarError extends Error {
  /**
   * @param {string} code short name for programs, e.g. "full", "unreachable", "microphone-denied"
   * @param {string} message what is wrong and what to do
   * @param {{status?: number, retryAfter?: number | null, fatal?: boolean, cause?: unknown}} [more]
   *   `status`: of the HTTP answer, 0 if there was none; `retryAfter`: seconds to wait before
   *   another try; `fatal`: the session is over and trying again would not help
   */
  constructor(code, message, { status = 0, retryAfter = null, fatal = false, cause } = {}) {
    super(message, { cause });
    this.name = "AvatarError";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
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

  /** @returns {Promise<{default: string, avatars: {name: string, title: string, picture: Blob}[]}>} */
  async avatars() {
    const { avatars, default: chosen } = await (await this.#request("GET", "api/avatars")).json();
    // Fetched rather than linked, because an `<img>` sends no token.
    const withPicture = async ({ name, title, thumbnail }) => ({
      name,
      title,
      picture: await (await this.#request("GET", thumbnail)).blob(),
    });
    return { default: chosen, avatars: await Promise.all(avatars.map(withPicture)) };
  }

  /**
   * @param {RTCSessionDescription | RTCSessionDescriptionInit} description
   * @param {string | null} avatar name of the avatar; the server's default if null
   * @returns {Promise<{sdp: string, type: "answer", pc_id: string}>}
   */
  async offer(description, avatar) {
    const body = { sdp: description.sdp, type: description.type };
    if (avatar) body.avatar = avatar;
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

  async #request(method, path, body, keepalive = false) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    let response;
    try {
      response = await fetch(new URL(path, this.#base), {
        method,
        headers,
        keepalive,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
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
}

/** The error that a refusing answer stands for. */
export async function problem(response) {
  let code = `http-${response.status}`;
  let message = `The server refused (${response.status} ${response.statusText}).`;
  try {
    const body = await response.json();
    code = body.error ?? code;
    message = body.message ?? message;
  } catch {
    // Not written by the server itself (a proxy, say): the status line has to do.
  }
  const status = response.status;
  const seconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  const retryAfter = Number.isFinite(seconds) ? seconds : DEFAULT_RETRY_AFTER;
  return new AvatarError(code, message, {
    status,
    retryAfter: status === 503 || status === 429 ? retryAfter : null,
    fatal: status >= 400 && status < 500 && status !== 408 && status !== 429,
  });
}
