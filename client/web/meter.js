/** How loud the microphone is, for the eye. */

const FLOOR = -60; // dB below which nothing is shown
const CEILING = -12; // dB of a voice close to the microphone

/**
 * @param {Float32Array} samples -1 to 1
 * @returns {number} 0 to 1, even steps of loudness
 */
export function level(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const decibels = 10 * Math.log10(power + 1e-12);
  return Math.min(1, Math.max(0, (decibels - FLOOR) / (CEILING - FLOOR)));
}

export class Meter {
  #element;
  #context = null;
  #source = null;
  #frame = 0;

  /** @param {HTMLElement} element gets the level as its style's `--level`, 0 to 1 */
  constructor(element) {
    this.#element = element;
  }

  /** @param {MediaStreamTrack | null} track null: nothing to show */
  show(track) {
    cancelAnimationFrame(this.#frame);
    this.#source?.disconnect();
    this.#source = null;
    this.#draw(0);
    if (track === null) {
      this.#context?.suspend();
      return;
    }
    this.#context ??= new AudioContext();
    this.#context.resume();
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const measure = () => {
      analyser.getFloatTimeDomainData(samples);
      this.#draw(level(samples));
      this.#frame = requestAnimationFrame(measure);
    };
    measure();
  }

  #draw(value) {
    this.#element.style.setProperty("--level", value.toFixed(2));
  }
}
