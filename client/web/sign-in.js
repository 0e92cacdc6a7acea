/** The dialog that asks for a token, where the server wants one. */

/**
 * @param {(id: string) => HTMLElement} $
 * @param {import("./avatar-client.js").AvatarClient} client
 * @param {() => void} connect tries again with the token
 * @returns {() => void} asks for one
 */
export function setUpSignIn($, client, connect) {
  $("sign-in-form").addEventListener("submit", () => {
    client.token = $("token").value;
    connect();
  });
  $("sign-in-cancel").addEventListener("click", () => $("sign-in").close());
  return () => {
    $("sign-in-title").textContent =
      client.token === null ? "This server asks for a token" : "The token was not accepted";
    $("sign-in").showModal();
  };
}
