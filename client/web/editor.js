/** The picture with its keypoints: dragging, nudging, zooming, panning. */

import { GROUPS, GUIDES, irises, moved } from "./keypoints.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST_ZOOM = 24; // screen pixels per pixel of the picture
const WHEEL = 0.0016; // logarithm of the zoom per unit that a wheel turns
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Handles of points that may lie on each other stand off to different sides. */
const SHAPES = {
  UPPER_INNER: "M0 0L-5 -5.5A7 7 0 1 1 5 -5.5Z",
  LOWER_INNER: "M0 0L5 5.5A7 7 0 1 1 -5 5.5Z",
};
const ROUND = "M-6.5 0A6.5 6.5 0 1 1 6.5 0A6.5 6.5 0 1 1 -6.5 0Z";

function element(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * Fires CustomEvents: `move` (points are being dragged), `change` (`detail`: `{points, key}`, a step
 * that can be undone; steps with the same key belong together), `select` (`detail`: name or null).
 */
export class Editor extends EventTarget {
  #svg;
  #image = element("image", {});
  #lines = element("g", { class: "guides" });
  #handles = element("g", {});
  #points = {};
  #size = { width: 1, height: 1 };
  #view = { x: 0, y: 0, scale: 1 };
  #fitted = true;
  #group = null;
  #pointers = new Map();
  #dragged = null;

  /** @param {SVGSVGElement} svg */
  constructor(svg) {
    super();
    this.#svg = svg;
    /** Whether left and right move together. */
    this.symmetric = true;
    svg.append(this.#image, this.#lines, this.#handles);
    for (const { name, points } of GROUPS) {
      for (const [point, [label]] of Object.entries(points)) this.#addHandle(name, point, label);
    }
    svg.addEventListener("pointerdown", (event) => this.#down(event));
    svg.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      svg.addEventListener(end, (event) => this.#up(event));
    }
    svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => (this.#fitted ? this.show(this.#group) : this.#draw())).observe(svg);
  }

  /**
   * @param {string} url of the picture
   * @param {number} width of the picture in pixels
   * @param {number} height
   */
  load(url, width, height) {
    this.#size = { width, height };
    this.#image.setAttribute("href", url);
    this.#image.setAttribute("width", width);
    this.#image.setAttribute("height", height);
  }

  /** @returns {import("./keypoints.js").Points} */
  get points() {
    return this.#points;
  }

  set points(points) {
    this.#points = points;
    this.#draw();
  }

  /** Bring a group of points near, or the whole face if null; the others stay pale. */
  show(group) {
    this.#group = group;
    this.#svg.dataset.group = group ?? "";
    this.#fitted = true;
    const names = GROUPS.filter(({ name }) => group === null || name === group).flatMap(
      ({ points }) => Object.keys(points),
    );
    const places = names.map((name) => this.#points[name]).filter(Boolean);
    const { clientWidth: width, clientHeight: height } = this.#svg;
    if (places.length === 0 || width === 0) return;
    const [xs, ys] = [0, 1].map((axis) => places.map((place) => place[axis]));
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    const room = group === null ? 1.9 : 1.5;
    const scale = Math.min(width / ((right - left) * room), height / ((bottom - top) * room));
    this.#zoomTo(scale, (left + right) / 2, (top + bottom) / 2);
  }

  /** @param {number} factor above 1: nearer; about the middle of what is seen */
  zoom(factor) {
    const box = this.#svg.getBoundingClientRect();
    this.#zoomAt(factor, box.left + box.width / 2, box.top + box.height / 2);
  }

  #addHandle(group, point, label) {
    const handle = element(
      "g",
      { class: `handle ${group}`, "data-point": point, tabindex: 0, role: "button" },
      element("circle", { r: 15, class: "reach" }),
      element("path", { d: SHAPES[point] ?? ROUND, class: "dot" }),
      element("circle", { r: 1.3, class: "spot" }),
    );
    handle.ariaRoleDescription = "keypoint";
    handle.ariaLabel = label;
    const select = (name) => this.dispatchEvent(new CustomEvent("select", { detail: name }));
    handle.addEventListener("focus", () => select(point));
    handle.addEventListener("pointerenter", () => select(point));
    handle.addEventListener("pointerleave", () => {
      select(this.#svg.querySelector(".handle:focus")?.dataset.point ?? null);
    });
    this.#handles.append(handle);
  }

  // --- pointers ------------------------------------------------------------------------------

  #down(event) {
    if (event.button !== 0) return;
    this.#svg.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event);
    const handle = event.target.closest(".handle");
    if (handle && this.#pointers.size === 1) {
      handle.focus({ preventScroll: true });
      this.#dragged = { name: handle.dataset.point, from: event, points: this.#points };
      this.#svg.dataset.dragging = "";
      event.preventDefault();
    } else {
      this.#drop();
    }
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    this.#pointers.set(event.pointerId, event);
    if (this.#dragged !== null) {
      const { name, from, points } = this.#dragged;
      // Fine work: with Shift a point moves a quarter as far as the pointer.
      const share = (event.shiftKey ? 0.25 : 1) / this.#view.scale;
      const [dx, dy] = [(event.clientX - from.clientX) * share, (event.clientY - from.clientY) * share];
      this.points = moved(points, name, dx, dy, { symmetric: this.symmetric, ...this.#size });
      this.dispatchEvent(new CustomEvent("move"));
      return;
    }
    const others = [...this.#pointers.values()].filter((p) => p.pointerId !== event.pointerId);
    if (others.length === 0) {
      this.#pan(event.clientX - before.clientX, event.clientY - before.clientY);
    } else {
      const [other] = others;
      const spread = (p) => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY) || 1;
      const [x, y] = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      this.#zoomAt(spread(event) / spread(before), x, y);
      this.#pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    }
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    this.#drop();
  }

  #drop() {
    if (this.#dragged === null) return;
    const { points } = this.#dragged;
    this.#dragged = null;
    delete this.#svg.dataset.dragging;
    if (points !== this.#points) this.#changed(null);
  }

  #wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 18 : 1;
    this.#zoomAt(Math.exp(-event.deltaY * unit * WHEEL), event.clientX, event.clientY);
  }

  // --- keys ----------------------------------------------------------------------------------

  #key(event) {
    const name = event.target.closest(".handle")?.dataset.point;
    const arrow = ARROWS[event.key];
    if (!name || !arrow || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = event.shiftKey ? 10 : event.altKey ? 0.25 : 1;
    const options = { symmetric: this.symmetric, ...this.#size };
    this.points = moved(this.#points, name, arrow[0] * step, arrow[1] * step, options);
    this.#changed(`nudge ${name}`);
  }

  #changed(key) {
    this.dispatchEvent(new CustomEvent("change", { detail: { points: this.#points, key } }));
  }

  // --- view ----------------------------------------------------------------------------------

  #pan(dx, dy) {
    this.#fitted = false;
    this.#view.x -= dx / this.#view.scale;
    this.#view.y -= dy / this.#view.scale;
    this.#draw();
  }

  #zoomAt(factor, clientX, clientY) {
    const box = this.#svg.getBoundingClientRect();
    const [px, py] = [clientX - box.left, clientY - box.top];
    const { x, y, scale } = this.#view;
    const next = this.#within(scale * factor);
    this.#view = { x: x + px / scale - px / next, y: y + py / scale - py / next, scale: next };
    this.#fitted = false;
    this.#draw();
  }

  #zoomTo(scale, x, y) {
    const { clientWidth: width, clientHeight: height } = this.#svg;
    const fit = this.#within(scale);
    this.#view = { x: x - width / fit / 2, y: y - height / fit / 2, scale: fit };
    this.#draw();
  }

  #within(scale) {
    const { clientWidth, clientHeight } = this.#svg;
    const least = 0.6 * Math.min(clientWidth / this.#size.width, clientHeight / this.#size.height);
    return Math.min(Math.max(scale, least), MOST_ZOOM);
  }

  #draw() {
    const points = this.#points;
    if (!points.GAZE) return;
    const { x, y, scale } = this.#view;
    const { clientWidth: width, clientHeight: height } = this.#svg;
    this.#svg.setAttribute("viewBox", `${x} ${y} ${width / scale || 1} ${height / scale || 1}`);
    for (const handle of this.#handles.children) {
      const [px, py] = points[handle.dataset.point];
      handle.setAttribute("transform", `translate(${px} ${py}) scale(${1 / scale})`);
    }
    const lines = GUIDES.map(([group, names]) =>
      element("path", { class: group, d: curve(names.map((name) => points[name])) }),
    );
    const circles = irises(points).map(({ x: cx, y: cy, radius }) =>
      element("circle", { class: "eyes", cx, cy, r: radius }),
    );
    this.#lines.replaceChildren(...lines, ...circles);
  }
}

/** A smooth line through `places` (Catmull-Rom). */
function curve(places) {
  let d = `M${places[0]}`;
  for (let i = 0; i < places.length - 1; i++) {
    const [before, a, b, after] = [places[i - 1] ?? places[i], places[i], places[i + 1], places[i + 2] ?? places[i + 1]];
    const c1 = [a[0] + (b[0] - before[0]) / 6, a[1] + (b[1] - before[1]) / 6];
    const c2 = [b[0] - (after[0] - a[0]) / 6, b[1] - (after[1] - a[1]) / 6];
    d += `C${c1} ${c2} ${b}`;
  }
  return d;
}
