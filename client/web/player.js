/** The `<video>`: playing in spite of autoplay rules, volume, ducking, choice of the speaker. */

const DUCK_AFTER = 250; // ms of old sound that may still wait in the browser's jitter buffer
const DUCK_MOST = 1_500; // ms after which sound comes back even if the server says nothing

/** Fires `blocked` (CustomEvent, `detail`: true while the browser refuses to play sound). */
export class Player extends EventTarget {
  #video;
  #volume = 1;
  #muted = false;
  #blocked = false;
  #ducked = false;
  #duckTimer = 0;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    super();
    this.#video = video;
    // Telephones pause it for a call or while the page is hidden, and there is no button to go on.
    video.addEventListener("pause", () => this.#resume());
    document.addEventListener("visibilitychange", () => this.#resume());
  }

  /** True while the browser refuses to play sound. */
  get blocked() {
    return this.#blocked;
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    this.#apply();
  }

  /** @param {number} volume 0 to 1 */
  set volume(volume) {
    this.#volume = volume;
    this.#apply();
  }

  /**
   * Play `stream`, without sound if the browser allows no sound before a click.
   * @param {MediaStream} stream
   */
  async play(stream) {
    // Not earlier: a stream without tracks would hold back the `load` event of the page.
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
    this.#setBlocked(false);
    try {
      await this.#video.play();
    } catch (error) {
      if (error.name !== "NotAllowedError") return; // taken down meanwhile
      this.#setBlocked(true);
      await this.#video.play().catch(() => {}); // not even silently: the button stays
    }
  }

  /** Be silent from this moment, until the server's own silence has arrived. */
  duck() {
    this.#ducked = true;
    this.#apply();
    this.#unduckAfter(DUCK_MOST);
  }

  /** The server has stopped, or begun something new: end the ducking once the tail has passed. */
  settle() {
    if (this.#ducked) this.#unduckAfter(DUCK_AFTER);
  }

  /** True where the browser lets a page choose the speaker. */
  get choosesSpeaker() {
    return typeof this.#video.setSinkId === "function";
  }

  /** @param {string} deviceId "" for the system's choice */
  setSpeaker(deviceId) {
    return this.#video.setSinkId(deviceId);
  }

  #resume() {
    const { paused, srcObject } = this.#video;
    if (paused && srcObject?.active && !document.hidden) this.play(srcObject);
  }

  #unduckAfter(delay) {
    clearTimeout(this.#duckTimer);
    this.#duckTimer = setTimeout(() => {
      this.#ducked = false;
      this.#apply();
    }, delay);
  }

  #setBlocked(blocked) {
    this.#blocked = blocked;
    this.#apply();
    this.dispatchEvent(new CustomEvent("blocked", { detail: blocked }));
  }

  #apply() {
    this.#video.volume = this.#volume;
    this.#video.muted = this.#muted || this.#blocked || this.#ducked;
  }
}
