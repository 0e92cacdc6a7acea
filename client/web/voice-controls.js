/** The microphone button, push-to-talk, and how the avatar hears the user. */

import { Meter } from "./meter.js";
import { PushToTalk } from "./push-to-talk.js";
import { remember, remembered } from "./storage.js";

const PUSH_KEY = "avatar.push-to-talk";

/**
 * Events: `hearing` (CustomEvent, `detail`: "voice", "push" or "text"), `refused` (CustomEvent,
 * `detail` is an AvatarError: there is no microphone), `press` (the button was clicked).
 */
export class VoiceControls extends EventTarget {
  /** The chosen microphone; null: the browser's choice. */
  deviceId = null;
  #client;
  #button;
  #push;
  #hint;
  #pushToTalk;
  #talks = true;

  /**
   * @param {import("./avatar-client.js").AvatarClient} client
   * @param {{button: HTMLButtonElement, push: HTMLButtonElement, hint: HTMLElement,
   *   level: HTMLElement}} elements
   */
  constructor(client, { button, push, hint, level }) {
    super();
    this.#client = client;
    this.#button = button;
    this.#push = push;
    this.#hint = hint;
    this.#pushToTalk = new PushToTalk(button);
    const meter = new Meter(level);
    client.addEventListener("microphone", ({ detail }) => {
      button.ariaPressed = String(detail.on);
      meter.show(client.microphoneTrack);
      this.#show();
    });
    this.#pushToTalk.addEventListener("talk", ({ detail }) => {
      client.microphoneMuted = !detail;
      this.#tell(detail ? "voice" : "push");
    });
    button.addEventListener("click", () => {
      // While it is held to talk, it stays on.
      if (!this.pushes || !client.microphone) this.dispatchEvent(new CustomEvent("press"));
    });
    push.ariaPressed = String(remembered(PUSH_KEY) === "on");
    push.addEventListener("click", () => {
      const on = push.ariaPressed !== "true";
      remember(PUSH_KEY, on ? "on" : "off");
      push.ariaPressed = String(on);
      if (on) push.blur(); // Space is for talking from now on
      this.#show();
    });
  }

  /** True where a button is held to be heard. */
  get pushes() {
    return this.#pushToTalk.enabled;
  }

  /** Whether the avatar listens (true) or speaks what the microphone hears (false). */
  set talks(talks) {
    this.#talks = talks;
    this.#show();
  }

  /** Switch the microphone; fires `refused` if that cannot be. */
  async set(on) {
    const talks = this.#talks;
    this.#button.disabled = true;
    try {
      await this.#client.setMicrophone(on, { deviceId: this.deviceId });
    } catch (error) {
      if (error.code === "cancelled" || error.code === "not-connected") return;
      if (talks !== this.#talks) return; // what it was for is over
      this.dispatchEvent(new CustomEvent("refused", { detail: error }));
    } finally {
      this.#button.disabled = this.#client.state !== "connected";
    }
  }

  #show() {
    this.#pushToTalk.enabled = this.#talks && this.#push.ariaPressed === "true";
    this.#client.microphoneMuted = this.pushes;
    this.#push.hidden = !this.#talks;
    this.#hint.hidden = !this.pushes;
    const hold = this.pushes && this.#client.microphone;
    this.#button.querySelector(".wide").textContent = hold ? "Hold to talk" : "Microphone";
    this.#button.querySelector(".narrow").textContent = hold ? "Hold" : "Mic";
    this.#button.title = this.#talks ? "The avatar hears you" : "The avatar speaks what you say";
    if (!this.#client.microphone) this.#tell("text");
    else this.#tell(this.pushes ? "push" : "voice");
  }

  #tell(hearing) {
    this.dispatchEvent(new CustomEvent("hearing", { detail: hearing }));
  }
}
