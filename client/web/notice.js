/** The one place where the page says what is wrong and what can be done about it. */

const TITLES = {
  server_full: "All places are taken",
  draining: "The server is about to stop",
  client_limit: "You have other sessions",
  too_many_requests: "That was too often",
  lost: "The connection was lost",
  session_ended: "The server ended the session",
  session_failed: "The session failed",
  unreachable: "The server does not answer",
  unauthorized: "The token was not accepted",
  "no-path": "No way through the network",
  "no-webrtc": "This browser cannot connect",
  "not-the-server": "Something else answered",
  session_expired: "The session has ended",
  unknown_persona: "There is no persona of that name",
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
    this.show(titleFor(code), sentence(message), actions);
  }

  /**
   * Try again after the time that the server asks for.
   * @param {import("./signalling.js").AvatarError} error
   * @param {() => void} again
   */
  retry({ code, message, retryAfter }, again) {
    const now = [["Try now", again]];
    this.countDown(titleFor(code), sentence(message), retryAfter, now, TRYING_AGAIN, again);
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
    // By the clock: browsers slow the timers of hidden pages down.
    const end = performance.now() + 1000 * seconds;
    const tick = () => {
      const left = Math.round((end - performance.now()) / 1000);
      if (left > 0) {
        count.textContent = say(left);
      } else {
        this.hide();
        act();
      }
    };
    tick();
    this.#timer = setInterval(tick, 1000);
  }

  hide() {
    clearInterval(this.#timer);
    this.#element.hidden = true;
  }
}

const TRYING_AGAIN = (left) => `Trying again in ${left} s.`;

function titleFor(code) {
  const other = code.startsWith("microphone") ? "The microphone is not available" : "That did not work";
  return TITLES[code] ?? other;
}

/** Servers write their messages without a capital and a full stop, for logs. */
function sentence(message) {
  const end = /[.!?]$/.test(message) ? "" : ".";
  return message.charAt(0).toUpperCase() + message.slice(1) + end;
}
