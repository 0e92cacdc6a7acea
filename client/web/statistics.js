/** Figures for people, read from the reports of a peer connection. */

const OFFSETS_KEPT = 5; // the offset of single reports jumps by a video frame: show their median

/**
 * @typedef {object} Statistics
 * @property {number | null} fps decoded video frames per second
 * @property {number | null} width of the video in pixels
 * @property {number | null} height of the video in pixels
 * @property {number | null} bitrate sound and picture received, kbit/s
 * @property {number | null} roundTrip ms to the server and back
 * @property {number | null} avOffset ms by which the sound plays ahead of the picture (negative:
 *   behind); null where the browser does not report playout times
 * @property {string | null} codec of the video
 * @property {{local: string, remote: string} | null} path kinds of the addresses at both ends:
 *   host, srflx, prflx or relay
 * @property {number | null} audioLevel of the avatar's sound, 0 to 1
 * @property {number} framesDecoded since the connection began
 * @property {number} freezes of the picture since the connection began
 * @property {number} packetsLost since the connection began
 * @property {number | null} concealed share of the sound that was made up for lost packets, 0 to 1
 */

/** Turns successive reports of one connection into {@link Statistics}. */
export class StatisticsReader {
  #previous = null;
  #rates = { fps: null, bitrate: null };
  #offsets = [];

  /**
   * @param {RTCStatsReport} report
   * @param {number | null} roundTrip ms, used where the report has none
   * @returns {Statistics}
   */
  read(report, roundTrip = null) {
    let audio = {};
    let video = {};
    let pair = {};
    for (const entry of report.values()) {
      if (entry.type === "inbound-rtp" && entry.kind === "audio") audio = entry;
      else if (entry.type === "inbound-rtp" && entry.kind === "video") video = entry;
      else if (entry.type === "candidate-pair" && entry.nominated) pair = entry;
    }
    const now = {
      time: video.timestamp ?? audio.timestamp ?? 0,
      frames: video.framesDecoded ?? 0,
      bytes: (audio.bytesReceived ?? 0) + (video.bytesReceived ?? 0),
    };
    const { fps, bitrate } = this.#measure(now);
    return {
      fps: fps ?? video.framesPerSecond ?? null,
      width: video.frameWidth ?? null,
      height: video.frameHeight ?? null,
      bitrate,
      roundTrip: milliseconds(pair.currentRoundTripTime) ?? roundTrip,
      avOffset: this.#offset(audio, video),
      codec: report.get(video.codecId)?.mimeType.split("/")[1] ?? null,
      path: path(report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)),
      audioLevel: audio.audioLevel ?? null,
      framesDecoded: now.frames,
      freezes: video.freezeCount ?? 0,
      packetsLost: (audio.packetsLost ?? 0) + (video.packetsLost ?? 0),
      concealed: audio.totalSamplesReceived
        ? audio.concealedSamples / audio.totalSamplesReceived
        : null,
    };
  }

  /** Rates since the report before; browsers hand out the same report for some milliseconds. */
  #measure(now) {
    const seconds = this.#previous ? (now.time - this.#previous.time) / 1000 : 0;
    if (seconds > 0) {
      this.#rates = {
        fps: (now.frames - this.#previous.frames) / seconds,
        bitrate: ((now.bytes - this.#previous.bytes) * 8) / 1000 / seconds,
      };
    }
    this.#previous = now;
    return this.#rates;
  }

  /** The playout times are those of the sender's clock, so that their difference is the offset. */
  #offset(audio, video) {
    if (!audio.estimatedPlayoutTimestamp || !video.estimatedPlayoutTimestamp) return null;
    this.#offsets.push(audio.estimatedPlayoutTimestamp - video.estimatedPlayoutTimestamp);
    if (this.#offsets.length > OFFSETS_KEPT) this.#offsets.shift();
    const sorted = this.#offsets.toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1];
  }
}

function path(local, remote) {
  return local && remote ? { local: local.candidateType, remote: remote.candidateType } : null;
}

function milliseconds(seconds) {
  return seconds === undefined ? null : seconds * 1000;
}
