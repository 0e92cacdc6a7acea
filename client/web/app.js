/** The page: joins the avatar client with what is on the screen. */

import { AvatarClient } from "./avatar-client.js";
import { Captions } from "./captions.js";
import { Composer } from "./composer.js";
import { setUpDevicePicker } from "./devices.js";
import { setUpFigures } from "./figures.js";
import { MOODS, setUpAvatarPicker } from "./looks.js";
import { Meter } from "./meter.js";
import { MODES } from "./modes.js";
import { Notice } from "./notice.js";
import { Player } from "./player.js";
import { PushToTalk } from "./push-to-talk.js";
import { setUpThemeButton } from "./theme.js";
import { Transcript } from "./transcript.js";
import { TurnSign } from "./turn.js";

const MODE_KEY = "avatar.mode";
const PUSH_KEY = "avatar.push-to-talk";

const $ = (id) => document.getElementById(id);
const body = document.body;

const client = new AvatarClient({
  token: tokenFromAddress(),
  avatar: new URLSearchParams(location.search).get("avatar"),
});
const player = new Player($("video"));
const captions = new Captions($("caption"), $("announcer"));
const transcript = new Transcript($("transcript"), $("scroll"), $("empty"));
const notice = new Notice($("notice"));
const composer = new Composer($("composer"), $("suggestions"), submit);
const pushToTalk = new PushToTalk($("microphone"));
const meter = new Meter($("level"));
const turn = new TurnSign(body, $("turn"));
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
  const playing = player.play(client.stream);
  try {
    await client.connect();
  } catch (error) {
    connectFailed(error);
    return;
  }
  // Not where it would bring up a keyboard on the screen, nor where Space is to be heard.
  if (matchMedia("(hover: hover)").matches && !pushToTalk.enabled) composer.focus();
  // The avatar greets as soon as it is asked to talk: not before it can be heard.
  playing.then(() => {
    if (!player.blocked && client.conversation === "off") beginConversation();
  });
}

function connectFailed(error) {
  if (error.code === "closed") return;
  if (error.status === 401) {
    signIn(client.token !== null);
  } else if (error.retryAfter !== null) {
    const why = "The server takes no more sessions right now, and its line is full.";
    notice.countDown("All places are taken", why, error.retryAfter, connect);
  } else {
    showError(error, [["Try again", connect]]);
  }
}

function signIn(refused) {
  $("sign-in-title").textContent = refused
    ? "The token was not accepted"
    : "This server asks for a token";
  $("sign-in").showModal();
}

function showError(error, actions = []) {
  if (error.code === "no_conversation") actions = [["Try again", beginConversation]];
  notice.explain(error, actions);
}

const STATUS = {
  idle: () => "Not connected",
  connecting: () => "Connecting…",
  waiting: ({ place }) => `Waiting, number ${place} in line`,
  connected: () =>
    client.microphone && mode() === "speak" ? "Connected, listening" : "Connected",
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
  composer.enabled = !["connecting", "waiting", "reconnecting"].includes(detail.state);
  if (detail.state === "waiting") showPlace(detail.place);
}

/** The server is full: say how long the line is, and let the user leave it. */
function showPlace(place) {
  const title = place === 1 ? "You are next" : `You are number ${place} in line`;
  const text = "All places are taken. You are connected by itself when it is your turn.";
  notice.show(title, text, [], { gentle: true, dismiss: ["Leave the line", () => client.close()] });
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
    composer.maxText = client.session.max_text;
    keepMood();
    showAvatars().catch(() => {}); // not known yet if a token was missing
  } else {
    delete body.dataset.picture;
    transcript.stopAll();
    transcript.forgetPartial();
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
$("hear").addEventListener("click", async () => {
  await player.play(client.stream);
  if (!player.blocked && client.conversation === "off") beginConversation();
});
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

// --- the two modes ---------------------------------------------------------------------------

/** @returns {keyof MODES} */
function mode() {
  return $("mode-speak").checked ? "speak" : "conversation";
}

function showMode() {
  const words = MODES[mode()];
  if (client.state === "idle") {
    $("welcome-title").textContent = words.title;
    $("welcome-text").textContent = words.welcome;
  }
  $("empty-text").textContent = words.empty;
  composer.show(words);
  showHearing();
}

$("mode-conversation").checked = localStorage.getItem(MODE_KEY) === "conversation";
for (const id of ["mode-conversation", "mode-speak"]) {
  $(id).addEventListener("change", () => {
    localStorage.setItem(MODE_KEY, mode());
    showMode();
    if (client.state !== "connected") return;
    stop();
    if (mode() === "conversation") beginConversation();
    else client.converse(false);
  });
}

/** Ask for a conversation and for the microphone; without one it goes on by text. */
function beginConversation() {
  if (client.state !== "connected" || mode() !== "conversation") return;
  client.converse(true);
  if (!client.microphone) setMicrophone(true);
}

async function submit(words) {
  if (client.state === "idle" || client.state === "closed") await connect();
  if (client.state !== "connected") return false;
  if (mode() === "speak") {
    transcript.add(client.say(words), words);
    return true;
  }
  if (client.conversation === "off") beginConversation();
  client.chat(words);
  transcript.hear({ text: words, final: false });
  return true;
}

// --- turns -----------------------------------------------------------------------------------

client.addEventListener("conversation", ({ detail }) => {
  if (body.dataset.turn === "preparing") keepMood();
  turn.show(detail.state);
  if (detail.state === "off") transcript.forgetPartial();
});
client.addEventListener("transcript", ({ detail }) => transcript.hear(detail));

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
  if (detail.reason === "interrupted") transcript.stop(detail.utterance);
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
    if (error.code !== "cancelled" && error.code !== "not-connected") microphoneRefused(error);
  } finally {
    button.disabled = client.state !== "connected";
  }
}

function microphoneRefused(error) {
  if (mode() === "speak") {
    showError(error);
    return;
  }
  if (client.conversation === "off") return; // there is a greater trouble to read about
  notice.show("Let us go on by text", `Write, and the avatar answers. ${error.message}`, [], {
    gentle: true,
  });
}

/** Say how the avatar hears the user: by voice, by voice while a button is held, by text only. */
function showHearing() {
  const talks = mode() === "conversation";
  pushToTalk.enabled = talks && $("push").ariaPressed === "true";
  client.microphoneMuted = pushToTalk.enabled;
  $("push").hidden = !talks;
  $("hint-push").hidden = !pushToTalk.enabled;
  const hold = pushToTalk.enabled && client.microphone;
  const button = $("microphone");
  button.querySelector(".wide").textContent = hold ? "Hold to talk" : "Microphone";
  button.querySelector(".narrow").textContent = hold ? "Hold" : "Mic";
  button.title = talks ? "The avatar hears you" : "The avatar speaks what you say";
  turn.hearing = client.microphone ? (pushToTalk.enabled ? "push" : "voice") : "text";
}

$("microphone").addEventListener("click", () => {
  if (mode() === "conversation" && client.conversation === "off") beginConversation();
  // While it is held to talk, it stays on.
  else if (!pushToTalk.enabled || !client.microphone) setMicrophone(!client.microphone);
});
client.addEventListener("microphone", ({ detail }) => {
  $("microphone").ariaPressed = String(detail.on);
  meter.show(client.microphoneTrack);
  showHearing();
  if (mode() === "speak") {
    transcript.note(detail.on ? "Microphone on: the avatar speaks what you say." : "Microphone off.");
  }
  if (client.state === "connected") showState({ state: "connected" });
});

pushToTalk.addEventListener("talk", ({ detail }) => {
  client.microphoneMuted = !detail;
  turn.hearing = detail ? "voice" : "push";
});
$("push").ariaPressed = String(localStorage.getItem(PUSH_KEY) === "on");
$("push").addEventListener("click", () => {
  const on = $("push").ariaPressed !== "true";
  localStorage.setItem(PUSH_KEY, on ? "on" : "off");
  $("push").ariaPressed = String(on);
  if (on) $("push").blur(); // Space is for talking from now on
  showHearing();
});

// --- settings --------------------------------------------------------------------------------

function express() {
  $("intensity").disabled = $("mood").value === "none";
  if (client.state !== "connected") return;
  client.express($("mood").value, $("intensity").valueAsNumber / 100);
}

/** A mood that was chosen here goes before that of the avatar's persona. */
function keepMood() {
  if ($("mood").value !== "none") express();
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
  const first = known.some(({ name }) => name === client.avatar) ? client.avatar : chosen;
  show(first);
  setUpAvatarPicker($("avatars"), known, first, (name) => {
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
showMode();
// Connecting fails for the same reason and says it; until then nothing is lost.
client.prepare().catch(() => {});
showAvatars().catch(() => {});
