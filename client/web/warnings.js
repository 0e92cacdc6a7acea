/** Says that the session is about to end, and lets the user stay. */

const ENDS = (left) => `The session ends in ${left} s.`;

/**
 * @param {import("./avatar-client.js").AvatarClient} client
 * @param {import("./notice.js").Notice} notice
 */
export function setUpWarnings(client, notice) {
  client.addEventListener("warning", ({ detail: { reason, seconds } }) => {
    if (seconds === null) {
      notice.hide();
    } else if (reason === "idle") {
      const stay = [["I am still here", () => client.stay()]];
      notice.countDown("Are you still there?", "Nobody says anything.", seconds, stay, ENDS);
    } else {
      const why = "This session has reached its maximum length. You can connect again afterwards.";
      notice.countDown("The session is about to end", why, seconds, [], ENDS);
    }
  });
}
