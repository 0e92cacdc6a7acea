/** What the avatar looks like: who it is and its mood. */

/** The emotions of `express` in `streaming/protocol.py`, in words. */
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
 * Fill `fieldset` with one radio button per avatar, and the way to more of them.
 * @param {HTMLFieldSetElement} fieldset
 * @param {{name: string, title: string}[]} avatars
 * @param {string} chosen
 * @param {(name: string) => void} onChoice
 */
export function setUpAvatarPicker(fieldset, avatars, chosen, onChoice) {
  for (const { name, title } of avatars) {
    const choice = document.createElement("label");
    choice.className = "choice";
    const input = document.createElement("input");
    input.type = "radio";
    input.name = fieldset.id;
    input.value = name;
    input.checked = name === chosen;
    input.addEventListener("change", () => onChoice(name));
    const picture = document.createElement("img");
    picture.alt = "";
    const text = document.createElement("span");
    text.append(picture, title);
    choice.append(input, text);
    fieldset.append(choice);
  }
  const own = document.createElement("a");
  own.className = "own";
  own.href = "studio";
  own.title = "Make an avatar of a picture";
  own.textContent = "Your own…";
  fieldset.append(own);
}

/**
 * Show what the avatar of a radio button of {@link setUpAvatarPicker} looks like.
 * @param {HTMLInputElement} input
 * @param {string} url
 */
export function showPicture(input, url) {
  const picture = input.parentElement.querySelector("img");
  picture.src = url;
}
