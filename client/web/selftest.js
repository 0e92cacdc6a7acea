/** The self-test: what this browser, this network and this microphone can do. */

import { AvatarClient } from "./avatar-client.js";
import { level } from "./meter.js";
import { openMicrophone } from "./microphone.js";
import { Signalling } from "./signalling.js";
import { setUpThemeButton } from "./theme.js";

const GATHERING = 8_000; // ms that finding addresses may take
const WATCHING = 4_000; // ms of pictures that are counted
const LISTENING = 3_000; // ms that the microphone is listened to
const LEAST_FPS = 20;
const LONG_WAY = 300; // ms there and back beyond which talking is no pleasure
const QUIET = 0.15; // level of a microphone that hears nobody

const MARKS = { waiting: "·", running: "…", good: "✓", warning: "!", bad: "✕" };
const SUMMARY = {
  good: "All is well: this browser can talk with an avatar.",
  warning: "It works, with limits: see the lines marked with “!”.",
  bad: "It will not work like this: see the lines marked with “✕”.",
};

const HOME = new URL(".", import.meta.url).href;
const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.hash.slice(1)).get("token");

/** @typedef {["good" | "warning" | "bad", string]} Finding verdict and what to know or do */

/** @type {[string, string, (facts: object) => Promise<Finding> | Finding][]} */
const CHECKS = [
  ["Browser", "Whether it has WebRTC and trusts this page.", checkBrowser],
  ["Codecs", "How pictures and sound can be sent.", checkCodecs],
  ["Server", "Whether it answers, and how fast.", checkServer],
  ["Addresses", "Where this machine can be reached.", checkAddresses],
  ["Relay", "The detour for networks that block media.", checkRelay],
  ["Connection", "A session of a few seconds: pictures and the round-trip time.", checkConnection],
  ["Microphone", "Whether it hears you: say something while it listens.", checkMicrophone],
];

function checkBrowser() {
  if (!("RTCPeerConnection" in window)) {
    return ["bad", "This browser has no WebRTC. Use a current Chrome, Edge, Firefox or Safari."];
  }
  if (!isSecureContext) {
    return ["warning", "The page was not loaded over HTTPS, so the browser blocks the microphone."];
  }
  return ["good", "WebRTC is there, and the page is secure."];
}

function checkCodecs() {
  const names = (kind) => {
    const { codecs = [] } = RTCRtpReceiver.getCapabilities?.(kind) ?? {};
    return new Set(codecs.map(({ mimeType }) => mimeType.split("/")[1].toUpperCase()));
  };
  const pictures = ["VP8", "H264"].filter((name) => names("video").has(name));
  if (!names("audio").has("OPUS")) return ["bad", "Opus, which carries the sound, is missing."];
  if (pictures.length === 0) return ["bad", "Neither VP8 nor H264 can be shown."];
  return ["good", `${pictures.join(" and ")} for the picture, Opus for the sound.`];
}

async function checkServer(facts) {
  const began = performance.now();
  const { iceServers } = await new Signalling(HOME, token).config();
  facts.iceServers = iceServers;
  const urls = iceServers.flatMap((server) => server.urls);
  const kinds = urls.length > 0 ? `it names ${urls.join(", ")}` : "it names no STUN or TURN server";
  return ["good", `Answers in ${Math.round(performance.now() - began)} ms; ${kinds}.`];
}

/** @returns {Promise<Set<string>>} kinds of the candidates found: host, srflx, relay */
async function gather(configuration) {
  const peer = new RTCPeerConnection(configuration);
  const kinds = new Set();
  const done = Promise.withResolvers();
  const timer = setTimeout(done.resolve, GATHERING);
  peer.onicecandidate = ({ candidate }) => {
    if (candidate === null) done.resolve();
    else if (candidate.type) kinds.add(candidate.type);
  };
  peer.createDataChannel("test");
  await peer.setLocalDescription();
  await done.promise;
  clearTimeout(timer);
  peer.close();
  return kinds;
}

function asked(facts, scheme) {
  return facts.iceServers.some(({ urls }) => [urls].flat().some((url) => url.startsWith(scheme)));
}

async function checkAddresses(facts) {
  const kinds = await gather({ iceServers: facts.iceServers });
  const own = kinds.has("host") ? "an address of its own" : "no address of its own";
  if (kinds.has("srflx")) return ["good", `This machine has ${own} and one on the internet.`];
  if (asked(facts, "stun")) {
    return ["warning", `This machine has ${own}; STUN was not answered: UDP may be blocked.`];
  }
  return kinds.size > 0
    ? ["good", `This machine has ${own}.`]
    : ["bad", "No address was found: the browser, or an extension of it, blocks WebRTC."];
}

async function checkRelay(facts) {
  if (!asked(facts, "turn")) {
    return ["good", "The server uses no relay; networks that block UDP will not get through."];
  }
  const kinds = await gather({ iceServers: facts.iceServers, iceTransportPolicy: "relay" });
  return kinds.has("relay")
    ? ["good", "The TURN server gives this browser a relay."]
    : ["warning", "The TURN server gives no relay: it cannot be reached or refuses the credentials."];
}

async function checkConnection({ client }) {
  const began = performance.now();
  await client.connect();
  const took = Math.round(performance.now() - began);
  const video = document.createElement("video");
  Object.assign(video, { muted: true, srcObject: client.stream });
  await video.play();
  await client.stats();
  await pause(WATCHING);
  const figures = await client.stats();
  client.close();
  if (figures === null) return ["bad", `Connected in ${took} ms, and lost the connection again.`];
  const { fps, roundTrip, codec, path } = figures;
  const way = path === null ? "" : ` over ${path.local} to ${path.remote}`;
  const words =
    `Connected in ${took} ms${way}; ${codec ?? "no picture"}, ` +
    `${(fps ?? 0).toFixed(0)} pictures a second, ${Math.round(roundTrip ?? 0)} ms there and back.`;
  if (!fps) return ["bad", `${words} No pictures came through.`];
  if (fps < LEAST_FPS) return ["warning", `${words} The picture is not smooth.`];
  if (roundTrip > LONG_WAY) return ["warning", `${words} That is a long way.`];
  return ["good", words];
}

async function checkMicrophone() {
  const track = await openMicrophone();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  for (const end = performance.now() + LISTENING; performance.now() < end; await pause(50)) {
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, level(samples));
  }
  track.stop();
  await context.close();
  const words = `${track.label || "It"} reached ${Math.round(100 * loudest)} % of full level.`;
  return loudest > QUIET
    ? ["good", words]
    : ["warning", `${words} It hears nothing: is it muted, or another one in use?`];
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// --- on the page -----------------------------------------------------------------------------

function addLine(name) {
  const line = document.createElement("li");
  const parts = ["span", "b", "p"].map((tag) => document.createElement(tag));
  line.append(...parts);
  const [mark, title, words] = parts;
  mark.className = "mark";
  title.textContent = name;
  $("checks").append(line);
  return (verdict, text) => {
    line.dataset.verdict = verdict;
    mark.textContent = MARKS[verdict];
    words.textContent = text;
  };
}

/** All lines, saying what is going to be checked. @returns {((verdict, text) => void)[]} */
function addLines() {
  $("checks").replaceChildren();
  return CHECKS.map(([name, purpose]) => {
    const show = addLine(name);
    show("waiting", purpose);
    return show;
  });
}

async function run() {
  $("start").disabled = true;
  $("copy").hidden = true;
  $("overall").hidden = true;
  const lines = addLines();
  const client = new AvatarClient({ token });
  const facts = { client, iceServers: [] };
  client.addEventListener("state", ({ detail: { state, place } }) => {
    if (state === "waiting") facts.tell(`All places are taken: waiting, number ${place} in line.`);
  });
  const leave = () => client.close();
  addEventListener("pagehide", leave);
  const verdicts = new Set();
  for (const [index, [name, , check]] of CHECKS.entries()) {
    const show = lines[index];
    show("running", name === "Microphone" ? "Say something…" : "Checking…");
    facts.tell = (words) => show("running", words);
    const [verdict, words] = await Promise.resolve(check(facts)).catch(({ message }) => [
      name === "Microphone" ? "warning" : "bad",
      message,
    ]);
    show(verdict, words);
    verdicts.add(verdict);
    // Nothing later can work without WebRTC or without the server.
    if (verdict === "bad" && (name === "Browser" || name === "Server")) break;
  }
  client.close();
  removeEventListener("pagehide", leave);
  const overall = ["bad", "warning", "good"].find((verdict) => verdicts.has(verdict));
  $("overall").dataset.verdict = overall;
  $("overall").textContent = SUMMARY[overall];
  $("overall").hidden = false;
  $("copy").hidden = !navigator.clipboard; // browsers have it on secure pages only
  $("copy").textContent = "Copy the result";
  $("start").disabled = false;
  $("start").textContent = "Test again";
}

async function copy() {
  const lines = [...$("checks").children].map((line) =>
    [...line.children].map((part) => part.textContent).join(" "),
  );
  const text = [$("overall").textContent, ...lines, navigator.userAgent].join("\n");
  try {
    await navigator.clipboard.writeText(text);
    $("copy").textContent = "Copied";
  } catch {
    $("copy").textContent = "The browser does not allow it";
  }
}

setUpThemeButton($("theme"));
addLines();
$("start").addEventListener("click", run);
$("copy").addEventListener("click", copy);
