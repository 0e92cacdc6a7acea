/** The small panel with the connection's figures. */

const INTERVAL = 1_000; // ms

/**
 * @param {HTMLElement} panel
 * @param {HTMLButtonElement} button shows and hides it
 * @param {import("./avatar-client.js").AvatarClient} client
 */
export function setUpFigures(panel, button, client) {
  const cell = (name) => panel.querySelector(`#stat-${name}`);
  const show = (name, value, unit, digits = 0) => {
    cell(name).textContent = value === null ? "–" : `${value.toFixed(digits)} ${unit}`;
  };
  const refresh = async () => {
    const stats = await client.stats();
    const { pictureRate, session } = client;
    const slowed = pictureRate !== null && session !== null && pictureRate < session.fps;
    show("fps", stats?.fps ?? null, slowed ? `of ${pictureRate} fps, server busy` : "fps");
    show("bitrate", stats?.bitrate ?? null, "kbit/s");
    show("round-trip", stats?.roundTrip ?? null, "ms");
    const offset = stats?.avOffset ?? null;
    show("offset", offset === null ? null : Math.round(offset) + 0, "ms");
  };
  let timer = 0;
  button.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    button.ariaPressed = String(!panel.hidden);
    clearInterval(timer);
    if (!panel.hidden) {
      refresh();
      timer = setInterval(refresh, INTERVAL);
    }
  });
}
