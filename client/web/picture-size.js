/** The picker of the size of the pictures; the choice is remembered in this browser. */

const KEY = "avatar.size";

/**
 * @param {HTMLSelectElement} select
 * @param {import("./avatar-client.js").AvatarClient} client its own size goes first
 */
export function setUpPictureSize(select, client) {
  client.size ??= Number(localStorage.getItem(KEY)) || null;
  if (client.size !== null) select.value = String(client.size);
  select.addEventListener("change", () => {
    localStorage.setItem(KEY, select.value);
    client.size = Number(select.value);
  });
}
