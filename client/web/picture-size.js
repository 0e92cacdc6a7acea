/** The picker of the size of the pictures; the choice is remembered in this browser. */

import { remember, remembered } from "./storage.js";

const KEY = "avatar.size";

/**
 * @param {HTMLSelectElement} select
 * @param {import("./avatar-client.js").AvatarClient} client its own size goes first
 */
export function setUpPictureSize(select, client) {
  client.size ??= Number(remembered(KEY)) || null;
  if (client.size !== null) select.value = String(client.size);
  select.addEventListener("change", () => {
    remember(KEY, select.value);
    client.size = Number(select.value);
  });
}
