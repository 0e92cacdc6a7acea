/** Captions of both sides over the picture, and the same words for screen readers. */

const PAGE = 84; // characters, about two lines on a phone
const LINGER = 1_800; // ms that the last words stay after they were said

// A word with the space after it; a character, where words have none between them; and a part of what
// is too long for a word (an address, say).
const UNSPACED = String.raw`[\p{Ideographic}\p{sc=Hira}\p{sc=Kana}]`;
const WORD = new RegExp(
  String.raw`(?:${UNSPACED}[、。，！？」』）]*|(?:(?!${UNSPACED})\S){1,24})\s*`,
  "gu",
);

/**
 * The part of `text` that is on screen when its last word sounds: captions fill a page, then
 * begin the next one, at the end of a sentence if one is near. More text never moves the start of
 * an earlier page.
 * @param {string} text
 * @param {number} [limit] characters on a page
 */
export function captionPage(text, limit = PAGE) {
  let page = "";
  for (const [word] of text.matchAll(WORD)) {
    const before = page.trimEnd();
    const full = page.length + word.trimEnd().length > limit;
    const sentenceEnds = before.length > limit / 3 && /[.!?…。！？]["'”’)」』）]*$/.test(before);
    page = full || sentenceEnds ? word : page + word;
  }
  return page.replace(/\s+/g, " ").trim();
}

export class Captions {
  #element;
  #announcer;
  #timer = 0;
  #enabled = true;

  /**
   * @param {HTMLElement} element over the picture
   * @param {HTMLElement} announcer a live region; it gets whole utterances, not every word
   */
  constructor(element, announcer) {
    this.#element = element;
    this.#announcer = announcer;
  }

  set enabled(enabled) {
    this.#enabled = enabled;
    if (!enabled) this.clear();
  }

  /** @param {{text: string, final: boolean}} caption */
  show({ text, final }) {
    if (final) this.#announcer.textContent = text;
    this.#draw(text, final, false);
  }

  #draw(text, final, user) {
    clearTimeout(this.#timer);
    const page = captionPage(text);
    this.#element.textContent = page;
    this.#element.toggleAttribute("data-user", user);
    this.#element.hidden = !this.#enabled || page === "";
    // What the user says may come to nothing, of which nobody tells.
    if (final || user) this.#timer = setTimeout(() => this.clear(), LINGER);
  }

  /** The user says this, as far as it is recognised. @param {{text: string, final: boolean}} words */
  hear({ text, final }) {
    this.#draw(text, final, true);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#element.hidden = true;
  }
}
