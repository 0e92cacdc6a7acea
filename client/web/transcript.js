/** What was said, utterance by utterance; words still to come are faint. */

const NOTES = { waiting: "Waits its turn", stopped: "Stopped" };
const KEPT = 200; // entries; older ones go

export class Transcript {
  #list;
  #scroller;
  #empty;
  #entries = new Map();

  /**
   * @param {HTMLOListElement} list
   * @param {HTMLElement} scroller the element that scrolls the list
   * @param {HTMLElement} empty shown until there is something
   */
  constructor(list, scroller, empty) {
    this.#list = list;
    this.#scroller = scroller;
    this.#empty = empty;
  }

  /** An utterance was asked for. */
  add(utterance, text) {
    const item = document.createElement("li");
    const said = document.createElement("span");
    const unsaid = document.createElement("span");
    const note = document.createElement("small");
    unsaid.className = "unsaid";
    item.append(said, unsaid, note);
    const entry = { item, said, unsaid, note, text };
    this.#entries.set(utterance, entry);
    this.#split(entry, "");
    this.#status(entry, "waiting");
    this.#append(item);
    return entry;
  }

  /** A part of it was heard. */
  caption({ utterance, text, final }) {
    // Utterances that others asked for become known with their first words.
    const entry = this.#entries.get(utterance) ?? this.add(utterance, "");
    this.#split(entry, text);
    const whole = entry.unsaid.textContent.trim() === "";
    this.#status(entry, final ? (whole ? "said" : "stopped") : "speaking");
    this.#follow();
  }

  /** Everything that was not said will not be said any more. */
  stopAll() {
    for (const entry of this.#entries.values()) {
      const status = entry.item.dataset.status;
      if (status === "waiting" || status === "speaking") this.#status(entry, "stopped");
    }
  }

  /** Something happened that is not speech. */
  note(text) {
    const item = document.createElement("li");
    item.className = "event";
    item.textContent = text;
    this.#append(item);
  }

  #split(entry, heard) {
    const known = entry.text.startsWith(heard);
    entry.said.textContent = heard;
    entry.unsaid.textContent = known ? entry.text.slice(heard.length) : "";
  }

  #status(entry, status) {
    entry.item.dataset.status = status;
    entry.note.textContent = NOTES[status] ?? "";
    entry.note.hidden = !NOTES[status];
  }

  #append(item) {
    this.#empty.hidden = true;
    this.#list.append(item);
    if (this.#list.children.length > KEPT) this.#list.firstElementChild.remove();
    if (this.#entries.size > KEPT) this.#entries.delete(this.#entries.keys().next().value);
    this.#follow(true);
  }

  /** Keep the newest in view, unless the reader has scrolled back. */
  #follow(always = false) {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (always || scrollHeight - scrollTop - clientHeight < 80) {
      this.#scroller.scrollTop = scrollHeight;
    }
  }
}
