/** What both sides said. Words still to come, or not yet sure, are faint. */

const NOTES = { waiting: "Waits its turn", stopped: "Stopped" };
const KEPT = 200; // entries; older ones go

export class Transcript {
  #list;
  #scroller;
  #empty;
  #entries = new Map(); // of the avatar
  #turns = new Map(); // bubbles of the user
  #hearing = null; // the one of them that is not final yet

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

  /** The avatar shall say this. */
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
    const entry = this.#entries.get(utterance) ?? (text ? this.add(utterance, "") : null);
    if (entry === null) return; // cut before its first word
    this.#split(entry, text);
    const whole = entry.unsaid.textContent.trim() === "" && !isOver(entry);
    this.#status(entry, final ? (whole ? "said" : "stopped") : "speaking");
    this.#follow();
  }

  /** An utterance was cut; how much was to come need not be known. */
  stop(utterance) {
    const entry = this.#entries.get(utterance);
    if (entry !== undefined) this.#status(entry, "stopped");
  }

  /** The user says this, as far as it is recognised; a `turn` that was over may go on. */
  hear({ turn = null, text, final }) {
    const item = this.#turns.get(turn) ?? this.#hearing ?? userBubble();
    this.#hearing = item;
    if (turn) this.#turns.set(turn, item);
    item.lastElementChild.textContent = text;
    item.toggleAttribute("data-partial", !final);
    // What was never answered gives its bubble to what is said next, where that belongs.
    if (item !== this.#list.lastElementChild) this.#append(item);
    this.#follow();
    if (final) this.#hearing = null;
  }

  /** What the user has not finished will not be heard. */
  forgetPartial() {
    this.#hearing?.remove();
    this.#hearing = null;
  }

  /** Everything that was not said will not be said any more. */
  stopAll() {
    for (const entry of this.#entries.values()) {
      if (!isOver(entry)) this.#status(entry, "stopped");
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
    for (const known of [this.#entries, this.#turns]) {
      if (known.size > KEPT) known.delete(known.keys().next().value);
    }
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

function userBubble() {
  const item = document.createElement("li");
  const who = document.createElement("span");
  item.className = "user";
  who.className = "visually-hidden";
  who.textContent = "You: ";
  item.append(who, document.createElement("span"));
  return item;
}

function isOver({ item }) {
  return item.dataset.status === "said" || item.dataset.status === "stopped";
}
