/** The studio: joins the library, the editor and the preview with what is on the screen. */

import { Editor } from "./editor.js";
import { History } from "./history.js";
import { GROUPS } from "./keypoints.js";
import { Library } from "./library.js";
import { Notice } from "./notice.js";
import { Preview } from "./preview.js";
import { setUpThemeButton } from "./theme.js";

const BEHIND = "#dedede"; // what shows through transparent pictures, as on the server

const $ = (id) => document.getElementById(id);
const NAMES = Object.assign({}, ...GROUPS.map(({ points }) => points));

const library = new Library(new URLSearchParams(location.hash.slice(1)).get("token"));
if (location.hash) history.replaceState(null, "", location.pathname + location.search);
const notice = new Notice($("notice"));
const editor = new Editor($("editor"));
const preview = new Preview($("preview"), () =>
  library.preview(work.picture, editor.points, $("words").value),
);

/**
 * What is on the desk: the picture, the avatar's name if it has been saved, the steps so far, and
 * the keypoints that can be had again: found in the picture, or saved.
 */
let work = null;
let saving = null; // keypoints

// --- choosing --------------------------------------------------------------------------------

async function showOwn() {
  const own = await library.own();
  $("mine").hidden = own.length === 0;
  $("cards").replaceChildren(...own.map(card));
}

function card(avatar) {
  const item = document.createElement("li");
  const image = document.createElement("img");
  image.src = avatar.image;
  image.alt = "";
  const title = document.createElement("strong");
  title.textContent = avatar.title;
  const row = document.createElement("div");
  const talk = document.createElement("a");
  talk.className = "plain";
  talk.href = `.?avatar=${avatar.name}`;
  talk.textContent = "Talk";
  row.append(talk);
  if (avatar.editable) row.append(plainButton("Edit", () => guarded(() => edit(avatar))));
  row.append(
    plainButton("Export", () => guarded(() => download(avatar))),
    plainButton("Remove", () => askToRemove(avatar)),
  );
  item.append(image, title, row);
  return item;
}

function plainButton(label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = label;
  button.addEventListener("click", act);
  return button;
}

async function download({ name }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await library.download(name));
  link.download = `${name}.avatar`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function askToRemove({ name, title }) {
  const text = "It cannot be brought back. Export it first if you may want it again.";
  const remove = () => guarded(async () => library.remove(name).then(showOwn));
  ask(`Remove ${title}?`, text, { yes: "Remove", no: "Keep" }, remove);
}

/** Do `act` if that is the answer. */
function ask(title, text, { yes, no }, act) {
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask-no").textContent = no;
  $("ask").onclose = () => {
    if ($("ask").returnValue === "yes") act();
  };
  $("ask").returnValue = "no";
  $("ask").showModal();
}

async function take(file) {
  $("drop-title").textContent = "Looking for the face…";
  try {
    if (file.name.endsWith(".avatar")) {
      await library.create(file, {}, () => {});
      await showOwn();
      return;
    }
    const { width, height, keypoints, message } = await library.find(file);
    const picture = await upright(file, width, height);
    open({ picture, width, height, keypoints, name: null, title: titleOf(file.name) });
    if (message) {
      notice.show("Place the points by hand", message, [], { gentle: true });
    }
  } finally {
    $("drop-title").textContent = "Choose a picture";
    $("file").value = "";
  }
}

/** The picture as the server sees it: upright, opaque, of that size. */
async function upright(file, width, height) {
  const bitmap = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = BEHIND;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}

function titleOf(fileName) {
  const words = fileName.replace(/\.\w+$/, "").replace(/[_-]+/g, " ").trim();
  return (words.charAt(0).toUpperCase() + words.slice(1)).slice(0, 60);
}

async function edit({ name, title }) {
  const [{ keypoints }, picture] = await Promise.all([library.show(name), library.picture(name)]);
  const { width, height } = await createImageBitmap(picture);
  open({ picture, width, height, keypoints, name, title });
}

// --- editing ---------------------------------------------------------------------------------

function open({ picture, width, height, keypoints, name, title }) {
  notice.hide();
  const steps = new History(keypoints);
  work = { picture, name, url: URL.createObjectURL(picture), steps, safe: keypoints };
  document.body.dataset.step = "edit";
  $("title").value = title;
  $("title").disabled = name !== null;
  $("problem").hidden = true;
  $("remarks").replaceChildren();
  $("progress").textContent = "";
  editor.load(work.url, width, height);
  editor.points = keypoints;
  $("group-all").checked = true;
  editor.show(null);
  showSteps();
  delete $("preview-frame").dataset.shown;
  preview.update();
}

function close() {
  preview.stop();
  URL.revokeObjectURL(work.url);
  work = null;
  document.body.dataset.step = "choose";
  notice.hide();
  guarded(showOwn);
}

const unsaved = () => ![work.safe, saving].includes(work.steps.present);

function back() {
  if (!unsaved()) {
    close();
    return;
  }
  const text = "The points you have moved are not saved.";
  ask("Discard your changes?", text, { yes: "Discard", no: "Keep editing" }, close);
}

function showSteps() {
  $("undo").disabled = !work.steps.canUndo;
  $("redo").disabled = !work.steps.canRedo;
  $("save").disabled =
    saving !== null || (work.name !== null && work.safe === work.steps.present);
  $("save").textContent = work.name === null ? "Save" : "Save changes";
}

function step(go) {
  if (!work) return;
  go(work.steps);
  editor.points = work.steps.present;
  changed();
}

function changed() {
  $("progress").textContent = "";
  showSteps();
  preview.update();
}

const undo = () => step((steps) => steps.undo());
const redo = () => step((steps) => steps.redo());

editor.addEventListener("change", ({ detail }) => {
  work.steps.push(detail.points, detail.key);
  changed();
});
editor.addEventListener("select", ({ detail }) => {
  const [name, where] = NAMES[detail] ?? [
    "Drag what is off",
    "scroll to zoom, arrow keys move the point that was touched last",
  ];
  const label = document.createElement("strong");
  label.textContent = name;
  $("hint").replaceChildren(label, where ? ` ${where}` : "");
});
editor.dispatchEvent(new CustomEvent("select", { detail: null }));

$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);
$("zoom-in").addEventListener("click", () => editor.zoom(1.4));
$("zoom-out").addEventListener("click", () => editor.zoom(1 / 1.4));
$("symmetric").addEventListener("click", () => {
  editor.symmetric = !editor.symmetric;
  $("symmetric").ariaPressed = String(editor.symmetric);
});

const KEYS = {
  s: () => $("symmetric").click(),
  "+": () => editor.zoom(1.4),
  "=": () => editor.zoom(1.4),
  "-": () => editor.zoom(1 / 1.4),
  0: () => $("group-all").click(),
};
document.addEventListener("keydown", (event) => {
  if (!work || event.target.matches("input:not([type=radio])")) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) redo();
    else undo();
  } else {
    KEYS[key]?.();
  }
});

for (const { name, label } of [{ name: "all", label: "All" }, ...GROUPS]) {
  const choice = document.createElement("label");
  choice.className = `choice ${name}`;
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "group";
  input.id = `group-${name}`;
  // On click, so that a second one brings the group back into view.
  input.addEventListener("click", () => editor.show(name === "all" ? null : name));
  const text = document.createElement("span");
  text.textContent = label;
  choice.append(input, text);
  $("groups").append(choice);
}

// --- preview ---------------------------------------------------------------------------------

preview.addEventListener("busy", ({ detail }) => {
  $("preview-frame").toggleAttribute("data-busy", detail);
  if (detail) $("progress").textContent = "";
});
preview.addEventListener("shown", ({ detail }) => {
  $("preview-frame").dataset.shown = "";
  delete $("preview-frame").dataset.stale;
  $("problem").hidden = true;
  $("remarks").replaceChildren(
    ...detail.map((remark) => {
      const item = document.createElement("li");
      item.textContent = remark;
      return item;
    }),
  );
});
preview.addEventListener("refused", ({ detail }) => {
  if (signInFor(detail)) return;
  $("preview-frame").dataset.stale = "";
  $("problem").textContent = detail.message;
  $("problem").hidden = false;
});
$("words").addEventListener("input", () => preview.update());
$("sound").addEventListener("click", () => {
  const on = $("preview").muted;
  $("preview").muted = !on;
  if (on) $("preview").currentTime = 0;
  $("sound").ariaPressed = String(on);
  $("sound").querySelector("use").setAttribute("href", `icons.svg#${on ? "speaker" : "muted"}`);
});

// --- saving ----------------------------------------------------------------------------------

async function save() {
  const desk = work;
  const keypoints = editor.points;
  const tell = (words) => {
    if (desk === work) $("progress").textContent = words;
  };
  saving = keypoints;
  showSteps();
  try {
    const step = (words) => tell(`${words}…`);
    const made =
      desk.name === null
        ? await library.create(desk.picture, { title: $("title").value, keypoints }, step)
        : await library.change(desk.name, keypoints, step);
    if (desk !== work) {
      await showOwn(); // the user has gone back meanwhile
      return;
    }
    work.name = made.name;
    work.safe = keypoints;
    $("title").disabled = true;
    const link = document.createElement("a");
    link.href = `.?avatar=${made.name}`;
    link.textContent = `Talk to ${made.title}`;
    $("progress").replaceChildren("Saved. ", link);
  } catch (error) {
    tell("");
    throw error;
  } finally {
    saving = null;
    if (work) showSteps();
  }
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(save);
});
$("back").addEventListener("click", back);
addEventListener("beforeunload", (event) => {
  if (saving || (work && unsaved())) event.preventDefault();
});

// --- files, errors, keys ---------------------------------------------------------------------

let signedInFor = null;

function signInFor(error) {
  if (error.status !== 401 && error.status !== 403) return false;
  $("sign-in").showModal();
  return true;
}

/** Do `act`; where the key is missing, ask for it and do it again. */
async function guarded(act) {
  try {
    await act();
  } catch (error) {
    if (signInFor(error)) signedInFor = act;
    else if (error.code) notice.explain(error);
    else throw error;
  }
}

$("sign-in-form").addEventListener("submit", () => {
  library.token = $("token").value;
  const act = signedInFor ?? showOwn;
  signedInFor = null;
  guarded(act);
  if (work) preview.update();
});

const takeGuarded = (file) => guarded(() => take(file));
$("file").addEventListener("change", () => takeGuarded($("file").files[0]));
for (const type of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    $("drop").toggleAttribute("data-over", type === "dragover");
    const file = type === "drop" ? event.dataTransfer.files[0] : null;
    if (file && !work) takeGuarded(file);
  });
}

setUpThemeButton($("theme"));
guarded(showOwn);
