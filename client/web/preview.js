/** The talking preview: a short clip, made anew after each change, one at a time. */

const SETTLE = 400; // ms without a change before a clip is asked for
const RETRY = 3_000; // ms until a busy server is asked again

/**
 * Fires CustomEvents: `busy` (`detail`: whether a clip is being made), `shown` (`detail`: remarks on
 * the picture), `refused` (`detail`: the error).
 */
export class Preview extends EventTarget {
  #video;
  #make;
  #timer = 0;
  #wanted = 0;
  #running = false;
  #url = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {() => Promise<{video: Blob, remarks: string[]}>} make
   */
  constructor(video, make) {
    super();
    this.#video = video;
    this.#make = make;
  }

  /** Something has changed. */
  update() {
    this.#wanted += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), SETTLE);
  }

  /** Forget the clip and what was asked for. */
  stop() {
    this.#wanted += 1;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#video.removeAttribute("src");
    this.#video.load();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }

  async #run() {
    if (this.#running) return; // it looks again at its end
    this.#running = true;
    const wanted = this.#wanted;
    this.#emit("busy", true);
    let again = false;
    try {
      const { video, remarks } = await this.#make();
      if (wanted === this.#wanted) this.#show(video, remarks);
    } catch (error) {
      again = error.code === "busy";
      if (!again && wanted === this.#wanted) this.#emit("refused", error);
    }
    this.#running = false;
    this.#emit("busy", false);
    if (!this.#timer) return; // stopped meanwhile
    if (again) this.#timer = setTimeout(() => this.#run(), RETRY);
    else if (wanted !== this.#wanted) this.update();
  }

  #show(video, remarks) {
    const old = this.#url;
    this.#url = URL.createObjectURL(video);
    this.#video.src = this.#url;
    this.#video.play().catch(() => {}); // the browser wants a click first: the picture is there
    if (old) URL.revokeObjectURL(old);
    this.#emit("shown", remarks);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
