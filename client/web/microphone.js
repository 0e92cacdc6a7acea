/** The microphone, and in words why it could not be opened. */

import { AvatarError } from "./signalling.js";

const REASONS = {
  NotAllowedError: [
    "microphone-denied",
    "The browser may not use the microphone. Allow it in the address bar (the lock or camera " +
      "sign), then switch the microphone on again.",
  ],
  NotFoundError: [
    "microphone-missing",
    "No microphone was found. Plug one in, or pick another one in the settings.",
  ],
  OverconstrainedError: [
    "microphone-missing",
    "The chosen microphone is gone. Pick another one in the settings.",
  ],
  NotReadableError: [
    "microphone-busy",
    "The microphone is used by another program. Close that program and try again.",
  ],
};

const LOST =
  "The microphone went away. Plug it in again and switch it on, or pick another one in the " +
  "settings.";

/** The microphone's track, as it is switched, muted and lost. */
export class Microphone {
  #onLost;
  #track = null;
  #muted = false;
  #calls = 0; // of open and stop; the last one counts

  /** @param {(error: AvatarError) => void} onLost the microphone went away; it is off */
  constructor(onLost) {
    this.#onLost = onLost;
  }

  /** @returns {MediaStreamTrack | null} null: it is off */
  get track() {
    return this.#track;
  }

  get muted() {
    return this.#muted;
  }

  /** A muted microphone is on and sends silence. */
  set muted(muted) {
    this.#muted = muted;
    if (this.#track !== null) this.#track.enabled = !muted;
  }

  /**
   * Switch on, or over to another device.
   * @param {string | null} deviceId the browser's choice if null
   * @param {() => boolean} wanted asked again once the user has allowed it
   * @returns {Promise<MediaStreamTrack>}
   * @throws {AvatarError} as {@link openMicrophone}; "cancelled": no longer wanted
   */
  async open(deviceId, wanted) {
    this.#calls += 1;
    const call = this.#calls;
    const track = await openMicrophone(deviceId);
    if (call !== this.#calls || !wanted()) {
      track.stop();
      throw new AvatarError("cancelled", "The microphone is no longer needed.");
    }
    this.#drop();
    this.#track = track;
    track.enabled = !this.#muted;
    track.onended = () => {
      this.#drop();
      this.#onLost(new AvatarError("microphone-lost", LOST));
    };
    return track;
  }

  /** Switch off, also one that is still being asked for. */
  stop() {
    this.#calls += 1;
    this.#drop();
  }

  #drop() {
    if (this.#track === null) return;
    this.#track.onended = null;
    this.#track.stop();
    this.#track = null;
  }
}

/**
 * Open a microphone with echo cancellation, so that the avatar does not hear itself.
 * @param {string | null} deviceId the browser's choice if null
 * @returns {Promise<MediaStreamTrack>}
 * @throws {AvatarError} codes microphone-insecure, -denied, -missing, -busy, -failed
 */
export async function openMicrophone(deviceId = null) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new AvatarError(
      "microphone-insecure",
      "Browsers open the microphone on secure pages only. Open this page over https, or on " +
        "the machine that runs the server at http://localhost.",
    );
  }
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  if (deviceId) audio.deviceId = { exact: deviceId };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    return stream.getAudioTracks()[0];
  } catch (cause) {
    const [code, message] = REASONS[cause.name] ?? [
      "microphone-failed",
      `The microphone could not be opened (${cause.message}).`,
    ];
    throw new AvatarError(code, message, { cause });
  }
}
