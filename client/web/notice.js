/** The one place where the page says what is wrong and what can be done about it. */

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
   * @param {{gentle?: boolean}} [options] gentle: nothing is broken, it only goes another way
   */
  show(title, text, actions = [], { gentle = false } = {}) {
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
    for (const [label, act] of [...actions, ["Dismiss", () => {}]]) {
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
   * Count down, then act. Screen readers hear the first text only: the count is not announced.
   * @param {string} title
   * @param {string} text
   * @param {number} seconds
   * @param {() => void} act
   */
  countDown(title, text, seconds, act) {
    this.show(title, text, [["Try now", act]]);
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
      count.textContent = `Trying again in ${left} s.`;
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
