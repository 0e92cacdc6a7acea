/** The two ways to use the page, in words. */

/**
 * @typedef {object} Mode
 * @property {string} title of the welcome
 * @property {string} welcome
 * @property {string} empty what will appear where nothing is yet
 * @property {string[]} suggestions to click on
 * @property {string} prompt in the box to write in
 * @property {string} label of that box, for screen readers
 * @property {string} send what its button does
 */

/** @type {Record<"conversation" | "speak", Mode>} */
export const MODES = {
  conversation: {
    title: "Talk face to face",
    welcome: "Speak or write. The avatar listens, answers, and stops when you speak.",
    empty: "Just talk, or write. What you both say appears here.",
    suggestions: ["Hello! Who are you?", "What can you do?", "What time is it?"],
    prompt: "Write to the avatar",
    label: "What you say to the avatar",
    send: "Send",
  },
  speak: {
    title: "Say it with a face",
    welcome: "Type something or speak, and the avatar says it live.",
    empty: "What the avatar says appears here, word by word.",
    suggestions: [
      "Hello! I am glad to see you.",
      "Peter Piper picked a peck of pickled peppers.",
      "My voice was made on this machine, and my face moves with it, frame by frame.",
    ],
    prompt: "What shall the avatar say?",
    label: "What the avatar shall say",
    send: "Speak",
  },
};
