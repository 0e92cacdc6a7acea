/** Who is there: the pickers of faces and of whom to talk to. */

import { setUpAvatarPicker, showPicture } from "./looks.js";

/** Fires `face` and `persona` (CustomEvents, `detail`: the name that the user chose). */
export class Company extends EventTarget {
  #client;
  #elements;
  #avatars = [];
  #personas = [];

  /**
   * @param {import("./avatar-client.js").AvatarClient} client
   * @param {{avatars: HTMLFieldSetElement, persona: HTMLSelectElement, poster: HTMLImageElement,
   *   video: HTMLVideoElement}} elements
   */
  constructor(client, elements) {
    super();
    this.#client = client;
    this.#elements = elements;
    client.addEventListener("session", ({ detail }) => this.#showFace(detail.avatar));
    elements.persona.addEventListener("change", () => {
      const { value } = elements.persona;
      const face = this.#persona(value)?.avatar;
      if (face) this.#showFace(face);
      this.#tell("persona", value);
    });
  }

  /** The name of the persona that is chosen; null: not known yet. */
  get persona() {
    return this.#elements.persona.value || null;
  }

  /** Its name as people read it. */
  get title() {
    return this.#persona(this.persona)?.title || this.persona;
  }

  /** Ask the server who is there, once. @throws {AvatarError} a token is missing, say */
  async meet() {
    if (this.#avatars.length > 0) return;
    const [faces, people] = await Promise.all([this.#client.avatars(), this.#client.personas()]);
    if (this.#avatars.length > 0) return; // asked for twice
    this.#avatars = faces.avatars.map(({ name, title }) => ({ name, title, image: null }));
    this.#personas = people.personas;
    const named = this.#persona(this.#client.persona);
    const wanted = this.#client.avatar ?? named?.avatar ?? this.#client.session?.avatar;
    const face = this.#avatars.some(({ name }) => name === wanted) ? wanted : faces.default;
    const { avatars, persona } = this.#elements;
    const options = this.#personas.map(({ name, title, about }) => {
      const label = title || name;
      return new Option(about ? `${label} – ${lowered(about)}` : label, name);
    });
    persona.replaceChildren(...options);
    persona.value = named?.name ?? this.#like(face) ?? people.default;
    setUpAvatarPicker(avatars, this.#avatars, face, (name) => this.#choose(name));
    avatars.hidden = false;
    this.#showFace(face);
    for (const { name, picture } of faces.avatars) {
      // A face without a picture can still be chosen by its name.
      picture.then((blob) => this.#picture(name, blob)).catch(() => {});
    }
  }

  /** Show again whose face it is, after another one was refused. */
  settle() {
    if (this.#client.session !== null) this.#showFace(this.#client.session.avatar);
  }

  #picture(name, blob) {
    const avatar = this.#avatars.find((known) => known.name === name);
    avatar.image = URL.createObjectURL(blob);
    const inputs = [...this.#elements.avatars.querySelectorAll("input")];
    const input = inputs.find(({ value }) => value === name);
    showPicture(input, avatar.image);
    if (input.checked) this.#showFace(name);
  }

  #choose(face) {
    this.#showFace(face);
    // A face that nobody talks with yet brings along who it is.
    const persona = this.#like(face);
    if (persona !== null && this.#client.conversation === "off") {
      this.#elements.persona.value = persona;
    }
    this.#tell("face", face);
  }

  #like(face) {
    return this.#personas.find(({ avatar }) => avatar === face)?.name ?? null;
  }

  #persona(name) {
    return this.#personas.find((persona) => persona.name === name);
  }

  #showFace(name) {
    const avatar = this.#avatars.find((known) => known.name === name);
    if (avatar === undefined) return;
    const { avatars, poster, video } = this.#elements;
    poster.hidden = avatar.image === null;
    if (avatar.image !== null) poster.src = avatar.image;
    video.ariaLabel = `${avatar.title}, the avatar`;
    for (const input of avatars.querySelectorAll("input")) input.checked = input.value === name;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function lowered(words) {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
