/** The HTTP side of the studio: `/v1/avatars` and what belongs to it; see `docs/api.md`. */

import { AvatarError, problem } from "./signalling.js";

/** @typedef {import("./keypoints.js").Points} Points */
/** @typedef {{name: string, title: string, built_in: boolean, editable: boolean, thumbnail: string}} Entry */

const HOME = new URL(".", import.meta.url).href;

export class Library {
  /** @param {string | null} token the server's key, where it has one */
  constructor(token) {
    this.token = token;
  }

  /** Users' avatars, with object URLs of their thumbnails. @returns {Promise<(Entry & {image: string})[]>} */
  async own() {
    const { avatars } = await (await this.#request("GET", "v1/avatars")).json();
    const own = avatars.filter((avatar) => !avatar.built_in);
    // Fetched rather than linked, because an `<img>` sends no token.
    const images = own.map(({ thumbnail }) =>
      this.#request("GET", thumbnail.slice(1))
        .then((response) => response.blob())
        .then(URL.createObjectURL, () => ""),
    );
    const loaded = await Promise.all(images);
    return own.map((avatar, i) => ({ ...avatar, image: loaded[i] }));
  }

  /** @returns {Promise<Entry & {keypoints: Points}>} */
  async show(name) {
    return (await this.#request("GET", `v1/avatars/${name}`)).json();
  }

  /** The picture that an avatar was made from. @returns {Promise<Blob>} */
  async picture(name) {
    return (await this.#request("GET", `v1/avatars/${name}/picture`)).blob();
  }

  /**
   * Where the face is in a picture.
   * @param {Blob} picture
   * @returns {Promise<{width: number, height: number, keypoints: Points, message: string | null}>}
   */
  async find(picture) {
    return (await this.#request("POST", "v1/keypoints", { body: picture })).json();
  }

  /**
   * The face speaking.
   * @returns {Promise<{video: Blob, remarks: string[]}>}
   */
  async preview(picture, keypoints, text) {
    const query = { keypoints: JSON.stringify(keypoints), text };
    const response = await this.#request("POST", "v1/preview", { query, body: picture });
    const remarks = JSON.parse(response.headers.get("Avatar-Remarks") ?? "[]");
    return { video: await response.blob(), remarks };
  }

  /**
   * Keep a new avatar.
   * @param {Blob} file a picture or an `.avatar` file
   * @param {{title?: string, keypoints?: Points}} wishes
   * @param {(step: string) => void} onStep
   * @returns {Promise<Entry>}
   */
  async create(file, { title, keypoints }, onStep) {
    const query = {};
    if (title) query.title = title;
    if (keypoints) query.keypoints = JSON.stringify(keypoints);
    const headers = { Accept: "text/event-stream" };
    return made(await this.#request("POST", "v1/avatars", { query, body: file, headers }), onStep);
  }

  /** Make an avatar anew with other keypoints. @returns {Promise<Entry>} */
  async change(name, keypoints, onStep) {
    const body = new Blob([JSON.stringify({ keypoints })], { type: "application/json" });
    const headers = { Accept: "text/event-stream" };
    const path = `v1/avatars/${name}/keypoints`;
    return made(await this.#request("PUT", path, { body, headers }), onStep);
  }

  async remove(name) {
    await this.#request("DELETE", `v1/avatars/${name}`);
  }

  /** The avatar in one file. @returns {Promise<Blob>} */
  async download(name) {
    return (await this.#request("GET", `v1/avatars/${name}.avatar`)).blob();
  }

  async #request(method, path, { query = {}, body, headers = {} } = {}) {
    const url = new URL(path, HOME);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const sent = { ...headers };
    if (this.token) sent.Authorization = `Bearer ${this.token}`;
    // A file without a known ending has no type; the server looks for itself.
    if (body) sent["Content-Type"] = body.type || "application/octet-stream";
    let response;
    try {
      response = await fetch(url, { method, headers: sent, body, cache: "no-store" });
    } catch (cause) {
      const message = "The server does not answer. Check that it is running and try again.";
      throw new AvatarError("unreachable", message, { cause });
    }
    if (!response.ok) throw await problem(response);
    return response;
  }
}

/** The avatar at the end of a stream of events. */
async function made(response, onStep) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new AvatarError("lost", "The server stopped in the middle of it. Try again.");
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, json] = /^event: (\w+)\ndata: (.*)$/.exec(block);
      const data = JSON.parse(json);
      if (event === "progress") onStep(data.step);
      else if (event === "done") return data;
      else throw new AvatarError(data.error, data.message, { status: 422 });
    }
  }
}
