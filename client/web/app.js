/** The page: joins the avatar client with what is on the screen. */

import { AvatarClient } from "./avatar-client.js";
import { Captions } from "./captions.js";
import { Company } from "./company.js";
import { Composer } from "./composer.js";
import { setUpFigures } from "./figures.js";
import { MODES } from "./modes.js";
import { Mood } from "./mood.js";
import { Movement } from "./movement.js";
import { Notice } from "./notice.js";
import { setUpPictureSize } from "./picture-size.js";
import { Player } from "./player.js";
import { setUpSettings } from "./settings.js";
import { setUpSignIn } from "./sign-in.js";
import { remember, remembered } from "./storage.js";
import { setUpThemeButton } from "./theme.js";
import { Transcript } from "./transcript.js";
import { TurnSign } from "./turn.js";
import { VoiceControls } from "./voice-controls.js";
import { setUpVolume } from "./volume.js";
import { setUpWarnings } from "./warnings.js";

const MODE_KEY = "avatar.mode";

const $ = (id) => document.getElementById(id);
const body = document.body;
const address = new URLSearchParams(location.search);

const client = new AvatarClient({
  token: tokenFromAddress(),
  avatar: address.get("avatar"),
  persona: address.get("persona"),
  size: Number(address.get("size")) || null,
});
const player = new Player($("video"));
const captions = new Captions($("caption"), $("announcer"));
const transcript = new Transcript($("transcript"), $("scroll"), $("empty"));
const notice = new Notice($("notice"));
const composer = new Composer($("composer"), $("suggestions"), submit);
const turn = new TurnSign(body, $("turn"));
const mood = new Mood(client, $("mood"), $("intensity"));
const movement = new Movement(client, {
  head: $("head-motion"),
  guidance: $("guidance"),
  again: $("reseed"),
});
const company = new Company(client, {
  avatars: $("avatars"),
  persona: $("persona"),
  poster: $("poster"),
  video: $("video"),
});
const voice = new VoiceControls(client, {
  button: $("microphone"),
  push: $("push"),
  hint: $("hint-push"),
  level: $("level"),
});

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
  if (matchMedia("(hover: hover)").matches && !voice.pushes) composer.focus();
  // The avatar greets as soon as it is asked to talk: not before it can be heard.
  playing.then(() => {
    if (!player.blocked && client.conversation === "off") beginConversation();
  });
}

function connectFailed(error) {
  if (error.code === "closed") return;
  // The next try gets what the pickers show in place of a name that there is not.
  if (error.code === "unknown_avatar") client.avatar = null;
  if (error.code === "unknown_persona") client.persona = null;
  if (error.status === 401) {
    signIn();
  } else if (error.retryAfter !== null) {
    notice.retry(error, connect);
  } else {
    showError(error, [["Try again", connect]]);
  }
}

function showError(error, actions = []) {
  // It came while connected, or on the way back.
  if (client.state === "closed" && actions.length === 0) actions = [["Connect again", connect]];
  company.settle();
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
  const text = "All places are taken. You will be connected automatically when it is your turn.";
  notice.show(title, text, [], { gentle: true, dismiss: ["Leave the line", () => client.close()] });
}

client.addEventListener("state", ({ detail }) => {
  const back = body.dataset.state === "reconnecting";
  showState(detail);
  if (detail.state === "connected") {
    notice.hide();
    if (back) followMode(); // it may have been changed meanwhile
    $("video").requestVideoFrameCallback(() => {
      body.dataset.picture = "";
    });
    $("connect").textContent = "Connect again";
    $("welcome-title").textContent = "See you soon";
    $("welcome-text").textContent = "The session has ended.";
    composer.maxText = client.session.max_text;
    mood.keep();
    movement.keep();
    company.meet().catch(() => {}); // not known yet if a token was missing
  } else {
    delete body.dataset.picture;
    transcript.stopAll();
    transcript.forgetPartial();
    captions.clear();
  }
});

client.addEventListener("error", ({ detail }) => {
  const talks = mode() === "conversation";
  if (detail.code === "no_conversation") goOnWithoutConversation(detail);
  else if (detail.code === "language_not_heard") voice.set(false).then(() => goOnByText(detail));
  else if (detail.code === "microphone-lost" && talks) goOnByText(detail);
  else if (detail.code === "other_size") reconnect();
  else showError(detail);
});

$("connect").addEventListener("click", connect);
$("leave").addEventListener("click", () => {
  notice.hide();
  client.close();
  $("connect").focus();
});
addEventListener("pagehide", () => client.close());
const signIn = setUpSignIn($, client, connect);
setUpWarnings(client, notice);

// --- picture and sound -----------------------------------------------------------------------

player.addEventListener("blocked", ({ detail }) => {
  $("hear").hidden = !detail;
});
$("hear").addEventListener("click", async () => {
  await player.play(client.stream);
  if (!player.blocked && client.conversation === "off") beginConversation();
});
setUpVolume(player, $("volume"), $("mute"));

// --- the two modes ---------------------------------------------------------------------------

/** @returns {keyof MODES} */
function mode() {
  return $("mode-speak").checked ? "speak" : "conversation";
}

function showMode() {
  const words = MODES[mode()];
  const talks = mode() === "conversation";
  $("whom").hidden = !talks;
  voice.talks = talks;
  if (client.state === "idle") {
    $("welcome-title").textContent = words.title;
    $("welcome-text").textContent = words.welcome;
  }
  $("empty-text").textContent = words.empty;
  composer.show(words);
}

function setMode(wanted) {
  $(`mode-${wanted}`).checked = true;
  showMode();
}

$("mode-speak").checked = remembered(MODE_KEY) === "speak";
for (const id of ["mode-conversation", "mode-speak"]) {
  $(id).addEventListener("change", () => {
    remember(MODE_KEY, mode());
    showMode();
    if (client.state !== "connected") return;
    stop();
    if (mode() === "conversation") beginConversation();
    else client.converse(false);
  });
}

function followMode() {
  const talks = client.conversation !== "off";
  if (mode() === "speak" && talks) client.converse(false);
  else if (mode() === "conversation" && !talks && !player.blocked) beginConversation();
}

/** Ask for a conversation and for the microphone; without one it goes on by text. */
function beginConversation() {
  if (client.state !== "connected" || mode() !== "conversation") return;
  client.converse(true);
  if (!client.microphone) voice.set(true);
}

/** The server cannot listen or answer: what is left is that the avatar says what is written. */
function goOnWithoutConversation({ message }) {
  setMode("speak");
  const why = `This server holds no conversations now, so the avatar says what you write (${message}).`;
  const again = () => {
    setMode("conversation");
    beginConversation();
  };
  notice.show("Let us go on by text", why, [["Try again", again]], { gentle: true });
}

/** The avatar cannot hear the user. */
function goOnByText({ message }) {
  const how = `Write, and the avatar answers. ${message}`;
  notice.show("Let us go on by text", how, [], { gentle: true });
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
  if (body.dataset.turn === "preparing") mood.keep();
  turn.show(detail.state);
  if (detail.state === "off") transcript.forgetPartial();
});
client.addEventListener("transcript", ({ detail }) => {
  captions.hear(detail);
  transcript.hear(detail);
});

function stop() {
  if (client.state !== "connected") return;
  if (client.speaking) player.duck();
  client.interrupt();
  transcript.stopAll();
  captions.clear();
}

$("stop").addEventListener("click", stop);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  if (!document.querySelector("dialog[open]")) stop();
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

voice.addEventListener("hearing", ({ detail }) => {
  turn.hearing = detail;
});
voice.addEventListener("press", () => {
  if (mode() === "conversation" && client.conversation === "off") beginConversation();
  else voice.set(!client.microphone);
});
voice.addEventListener("refused", ({ detail }) => {
  if (mode() === "speak") {
    showError(detail);
  } else if (client.conversation !== "off") {
    goOnByText(detail);
  } // else there is a greater trouble to read about
});
client.addEventListener("microphone", ({ detail }) => {
  if (detail.on) listDevices(); // their names are known from now on
  if (mode() === "speak") {
    transcript.note(detail.on ? "Microphone on: the avatar speaks what you say." : "Microphone off.");
  }
  if (client.state === "connected") showState({ state: "connected" });
});

// --- who it is -------------------------------------------------------------------------------

function reconnect() {
  client.close();
  connect();
}

company.addEventListener("face", ({ detail }) => {
  if (client.state === "connected") {
    client.show(detail);
    return;
  }
  client.avatar = detail;
  client.persona = company.persona;
});
company.addEventListener("persona", ({ detail }) => {
  if (client.state === "connected" && mode() === "conversation") {
    stop();
    transcript.note(`Talking to ${company.title} from here on.`);
    client.converse(true, { persona: detail });
    if (!client.microphone) voice.set(true);
    return;
  }
  client.persona = detail;
  client.avatar = null; // that of the persona
});

// --- the rest --------------------------------------------------------------------------------

const listDevices = setUpSettings($, {
  player,
  captions,
  notice,
  onMicrophone: (deviceId) => {
    voice.deviceId = deviceId;
    if (client.microphone) voice.set(true);
  },
});

setUpPictureSize($("picture-size"), client);
setUpThemeButton($("theme"));
setUpFigures($("stats"), $("stats-toggle"), client);
showState({ state: client.state });
showMode();
// Connecting fails for the same reason and says it; until then nothing is lost.
client.prepare().catch(() => {});
company.meet().catch(() => {});
