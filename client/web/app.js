/** The page: joins the avatar client with what is on the screen. */

import { AvatarClient } from "./avatar-client.js";
import { Captions } from "./captions.js";
import { setUpDevicePicker } from "./devices.js";
import { setUpFigures } from "./figures.js";
import { MOODS, setUpAvatarPicker } from "./looks.js";
import { Notice } from "./notice.js";
import { Player } from "./player.js";
import { setUpThemeButton } from "./theme.js";
import { Transcript } from "./transcript.js";

const MAX_TEXT = 4_000; // until the server has said what it takes
const WARN_BELOW = 500; // characters left from which the count is shown
const SUGGESTIONS = [
  "Hello! I am glad to see you.",
  "Peter Piper picked a peck of pickled peppers.",
  "My voice was made on this machine, and my face moves with it, frame by frame.",
];
const TITLES = {
  lost: "The connection was lost",
  session_ended: "The server ended the session",
  unreachable: "The server does not answer",
  unauthorized: "The token was not accepted",
  "no-path": "No way through the network",
};

const $ = (id) => document.getElementById(id);
const body = document.body;

const client = new AvatarClient({ token: tokenFromAddress() });
const player = new Player($("video"));
const captions = new Captions($("caption"), $("announcer"));
const transcript = new Transcript($("transcript"), $("scroll"), $("empty"));
const notice = new Notice($("notice"));
let microphoneId = null;

window.avatarClient = client;

/** A token in the address (`#token=...`) is taken once and removed from sight. */
function tokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

// --- connection ------------------------------------------------------------------------------

async function connect() {
  notice.hide();
  player.play(client.stream);
  try {
    await client.connect();
    // Not where it would bring up a keyboard on the screen, over the picture.
    if (matchMedia("(hover: hover)").matches) $("text").focus({ preventScroll: true });
  } catch (error) {
    connectFailed(error);
  }
}

function connectFailed(error) {
  if (error.code === "closed") return;
  if (error.status === 401) {
    signIn(client.token !== null);
  } else if (error.retryAfter !== null) {
    const why = "The server takes no more sessions right now.";
    notice.countDown("All places are taken", why, error.retryAfter, connect);
  } else {
    showError(error, [["Try again", connect]]);
  }
}

function signIn(refused) {
  $("sign-in-title").textContent = refused ? TITLES.unauthorized : "This server asks for a token";
  $("sign-in").showModal();
}

function showError(error, actions = []) {
  notice.show(TITLES[error.code] ?? titleFor(error.code), sentence(error.message), actions);
}

/** Servers write their messages without a capital and a full stop, for logs. */
function sentence(message) {
  const end = /[.!?]$/.test(message) ? "" : ".";
  return message.charAt(0).toUpperCase() + message.slice(1) + end;
}

function titleFor(code) {
  return code.startsWith("microphone") ? "The microphone is not available" : "That did not work";
}

const STATUS = {
  idle: () => "Not connected",
  connecting: () => "Connecting…",
  connected: () => (client.microphone ? "Connected, listening" : "Connected"),
  reconnecting: ({ attempt, retryIn }) =>
    `Connection lost, trying again in ${Math.max(1, Math.round(retryIn))} s (try ${attempt})`,
  closed: () => "Disconnected",
};

function showState(detail) {
  const connected = detail.state === "connected";
  body.dataset.state = detail.state;
  $("status").textContent = STATUS[detail.state](detail);
  for (const id of ["microphone", "stop"]) $(id).disabled = !connected;
  $("leave").hidden = detail.state === "idle" || detail.state === "closed";
  $("send").disabled = detail.state === "connecting" || detail.state === "reconnecting";
}

client.addEventListener("state", ({ detail }) => {
  showState(detail);
  if (detail.state === "connected") {
    notice.hide();
    $("video").requestVideoFrameCallback(() => {
      body.dataset.picture = "";
    });
    $("connect").textContent = "Connect again";
    $("welcome-title").textContent = "See you soon";
    $("welcome-text").textContent = "The session has ended.";
    express();
    showAvatars().catch(() => {}); // not known yet if a token was missing
  } else {
    delete body.dataset.picture;
    transcript.stopAll();
    captions.clear();
  }
});

client.addEventListener("error", ({ detail }) => showError(detail));

$("connect").addEventListener("click", connect);
$("leave").addEventListener("click", () => {
  notice.hide();
  client.close();
  $("connect").focus();
});
$("sign-in-form").addEventListener("submit", () => {
  client.token = $("token").value;
  connect();
});
$("sign-in-cancel").addEventListener("click", () => $("sign-in").close());
addEventListener("pagehide", () => client.close());

// --- picture and sound -----------------------------------------------------------------------

player.addEventListener("blocked", ({ detail }) => {
  $("hear").hidden = !detail;
});
$("hear").addEventListener("click", () => player.play(client.stream));
$("volume").addEventListener("input", (event) => {
  player.volume = event.target.valueAsNumber / 100;
  setMuted(false);
});
$("mute").addEventListener("click", () => setMuted(!player.muted));

function setMuted(muted) {
  player.muted = muted;
  const button = $("mute");
  button.ariaPressed = String(muted);
  button.querySelector("use").setAttribute("href", `icons.svg#${muted ? "muted" : "speaker"}`);
}

// --- speaking --------------------------------------------------------------------------------

const text = $("text");

function maxText() {
  return client.session?.max_text ?? MAX_TEXT;
}

async function speak(words) {
  if (client.state === "idle" || client.state === "closed") await connect();
  if (client.state !== "connected") return false;
  transcript.add(client.say(words), words);
  return true;
}

function showRemaining() {
  const left = maxText() - text.value.trim().length;
  $("remaining").hidden = left > WARN_BELOW;
  $("remaining").textContent = left < 0 ? `${-left} too many` : `${left} left`;
  $("remaining").toggleAttribute("data-over", left < 0);
}

$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === "" || words.length > maxText()) return;
  text.value = "";
  showRemaining();
  if (!(await speak(words)) && text.value === "") text.value = words;
});
text.addEventListener("input", showRemaining);
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!$("send").disabled) $("composer").requestSubmit();
});

for (const words of SUGGESTIONS) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.addEventListener("click", () => speak(words));
  item.append(button);
  $("suggestions").append(item);
}

function stop() {
  if (client.state !== "connected") return;
  if (client.speaking) player.duck();
  client.interrupt();
  transcript.stopAll();
  captions.clear();
}

$("stop").addEventListener("click", stop);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) stop();
});

client.addEventListener("speaking", ({ detail }) => {
  body.toggleAttribute("data-speaking", detail.on);
  player.settle();
});
client.addEventListener("caption", ({ detail }) => {
  captions.show(detail);
  transcript.caption(detail);
});

// --- microphone ------------------------------------------------------------------------------

async function setMicrophone(on) {
  const button = $("microphone");
  button.disabled = true;
  try {
    await client.setMicrophone(on, { deviceId: microphoneId });
    if (on) await Promise.all([fillMicrophones(), fillSpeakers()]); // names are known from now on
  } catch (error) {
    showError(error);
  } finally {
    button.disabled = client.state !== "connected";
  }
}

$("microphone").addEventListener("click", () => setMicrophone(!client.microphone));
client.addEventListener("microphone", ({ detail }) => {
  $("microphone").ariaPressed = String(detail.on);
  transcript.note(detail.on ? "Microphone on: the avatar speaks what you say." : "Microphone off.");
  if (client.state === "connected") showState({ state: "connected" });
});

// --- settings --------------------------------------------------------------------------------

function express() {
  $("intensity").disabled = $("mood").value === "none";
  if (client.state !== "connected") return;
  client.express($("mood").value, $("intensity").valueAsNumber / 100);
}

$("mood").append(...MOODS.map(([emotion, label]) => new Option(label, emotion)));
$("mood").addEventListener("change", express);
$("intensity").addEventListener("change", express);
$("captions-on").addEventListener("change", (event) => {
  captions.enabled = event.target.checked;
});
$("settings-open").addEventListener("click", () => $("settings").showModal());

const fillMicrophones = setUpDevicePicker($("microphones"), "audioinput", (deviceId) => {
  microphoneId = deviceId || null;
  if (client.microphone) setMicrophone(true);
});
const fillSpeakers = setUpDevicePicker($("speakers"), "audiooutput", async (deviceId) => {
  try {
    await player.setSpeaker(deviceId);
  } catch {
    notice.show("The speaker is not available", "Pick another one in the settings.");
  }
});
$("speakers-label").hidden = !player.choosesSpeaker;
$("speakers-note").hidden = player.choosesSpeaker;

let avatarsKnown = false;

function showPoster({ image, title }) {
  $("poster").src = image;
  $("poster").hidden = false;
  $("video").ariaLabel = `${title}, the avatar`;
}

async function showAvatars() {
  if (avatarsKnown) return;
  const { avatars, default: chosen } = await client.avatars();
  avatarsKnown = true;
  const withImage = (avatar) => ({ ...avatar, image: URL.createObjectURL(avatar.picture) });
  const known = avatars.map(withImage);
  const show = (name) => showPoster(known.find((avatar) => avatar.name === name));
  show(chosen);
  if (known.length < 2) return;
  setUpAvatarPicker($("avatars"), known, chosen, (name) => {
    client.avatar = name;
    show(name);
    if (client.state === "idle" || client.state === "closed") return;
    client.close();
    connect();
  });
  $("avatars").hidden = false;
}

setUpThemeButton($("theme"));
setUpFigures($("stats"), $("stats-toggle"), client);
showState({ state: client.state });
// Connecting fails for the same reason and says it; until then nothing is lost.
client.prepare().catch(() => {});
showAvatars().catch(() => {});
