/** The one place where the page says what is wrong and what can be done about it. */

const TITLES = {
  lost: "The connection was lost",
  session_ended: "The server ended the session",
  session_failed: "The session failed",
  unreachable: "The server does not answer",
  unauthorized: "The token was not accepted",
  "no-path": "No way through the network",
  session_expired: "The session has ended",
  unknown_persona: "Nobody of that name is here",
  unknown_avatar: "There is no such face",
};

export class Notice {
  #element;
  #timer = 0;

  /** @param {HTMLElement} element with `role=alert` */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {string} title what is wrong
   * @param {string} text what to do
   * @param {[string, () => void][]} [actions] labels and what they do; "Dismiss" is added
   * @param {{gentle?: boolean, dismiss?: [string, () => void]}} [options] gentle: nothing is
   *   broken, it only goes another way; dismiss: in place of "Dismiss"
   */
  show(title, text, actions = [], { gentle = false, dismiss = ["Dismiss", () => {}] } = {}) {
    this.hide();
    this.#element.toggleAttribute("data-gentle", gentle);
    const words = document.createElement("p");
    const heading = document.createElement("strong");
    heading.textContent = title;
    const body = document.createElement("span");
    body.textContent = text;
    words.append(heading, body);
    const row = document.createElement("div");
    row.className = "actions";
    for (const [label, act] of [...actions, dismiss]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain";
      button.textContent = label;
      button.addEventListener("click", () => {
        this.hide();
        act();
      });
      row.append(button);
    }
    this.#element.replaceChildren(words, row);
    this.#element.hidden = false;
  }

  /**
   * @param {import("./signalling.js").AvatarError} error
   * @param {[string, () => void][]} [actions]
   */
  explain({ code, message }, actions = []) {
    this.show(TITLES[code] ?? titleFor(code), sentence(message), actions);
  }

  /**
   * Count down, then act. Screen readers hear the first text only: the count is not announced.
   * @param {string} title
   * @param {string} text
   * @param {number} seconds
   * @param {[string, () => void][]} actions
   * @param {(left: number) => string} say what the seconds that are left mean
   * @param {() => void} [act]
   */
  countDown(title, text, seconds, actions, say, act = () => {}) {
    this.show(title, text, actions, { gentle: true });
    const count = document.createElement("span");
    count.ariaLive = "off";
    this.#element.querySelector("p").append(" ", count);
    let left = Math.ceil(seconds);
    const tick = () => {
      if (left === 0) {
        this.hide();
        act();
        return;
      }
      count.textContent = say(left);
      left -= 1;
    };
    tick();
    this.#timer = setInterval(tick, 1000);
  }

  hide() {
    clearInterval(this.#timer);
    this.#element.hidden = true;
  }
}

function titleFor(code) {
  return code.startsWith("microphone") ? "The microphone is not available" : "That did not work";
}

/** Servers write their messages without a capital and a full stop, for logs. */
function sentence(message) {
  const end = /[.!?]$/.test(message) ? "" : ".";
  return message.charAt(0).toUpperCase() + message.slice(1) + end;
}
