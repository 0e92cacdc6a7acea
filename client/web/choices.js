/** Rows of choices of which one is taken: moods and avatars. */

/** The emotions of `streaming/protocol.py`'s `express`, in words. */
export const MOODS = [
  ["none", "Natural"],
  ["neutral", "Neutral"],
  ["happiness", "Happy"],
  ["surprise", "Surprised"],
  ["sadness", "Sad"],
  ["anger", "Angry"],
  ["fear", "Afraid"],
  ["disgust", "Disgusted"],
  ["contempt", "Scornful"],
];

/**
 * Fill `fieldset` with radio buttons.
 * @param {HTMLFieldSetElement} fieldset
 * @param {{value: string, label: string, image?: string}[]} choices
 * @param {string} chosen
 * @param {(value: string) => void} onChoice
 */
export function setUpChoices(fieldset, choices, chosen, onChoice) {
  for (const { value, label, image } of choices) {
    const choice = document.createElement("label");
    choice.className = "choice";
    const input = document.createElement("input");
    input.type = "radio";
    input.name = fieldset.id;
    input.value = value;
    input.checked = value === chosen;
    input.addEventListener("change", () => onChoice(value));
    const text = document.createElement("span");
    if (image) {
      const picture = document.createElement("img");
      picture.src = image;
      picture.alt = "";
      text.append(picture);
    }
    text.append(label);
    choice.append(input, text);
    fieldset.append(choice);
  }
}
