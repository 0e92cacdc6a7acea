"""Cost and benefit of the sampling parameters: steps, guidance, chunks, look-ahead, noise.

    python -m benchmarks.choices --json

The voices are espeak-ng's held-out ones and festival's Italian pc, which neither training nor
``benchmarks.lipsync`` uses, so tuning by these figures does not bias those. For each choice:
correlation of the lip opening with the truth and bilabials shown (both as in ``lipsync``),
amplitude and jerk of the lips relative to the truth's, and milliseconds of CPU time per second of
motion. Needs Debian's packages festival and festvox-itapc16k; without them pc is left out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.face_metrics import jerk
from benchmarks.lipsync import move
from benchmarks.lipsync_metrics import Take, lip_metrics
from benchmarks.lipsync_speech import SEED, espeak_speech, framed, truth_of
from benchmarks.report import show
from motion.contract import Controls, Identity
from motion.generator import BUILT_IN, CausalMoDA, Sampling
from motion.layout import FPS
from motion.training.phonemes import Utterance
from motion.training.recorded import RecordedVoice, SynthesizerError, record
from renderer.library import avatar_names, open_avatar

_PC: Final = RecordedVoice("pc", "festival", "pc_diphone", "italian", "it", held_out=True)


@dataclass(frozen=True, slots=True)
class Choice:
    sampling: Sampling = field(default_factory=Sampling)
    guidance: float | None = None
    """None: the generator's default."""
    lookahead: int | None = None
    """Most frames of sound ahead of a chunk; None: as many as the model can use."""


CHOICES: Final[Mapping[str, Choice]] = {
    "default": Choice(),
    **{f"steps_{n}": Choice(Sampling(steps=n)) for n in (2, 4, 10)},
    **{f"guidance_{g:g}": Choice(guidance=g) for g in (1.0, 1.5, 2.0, 3.0)},
    **{f"chunk_{n}": Choice(Sampling(chunk=n)) for n in (1, 2, 8)},
    **{f"lookahead_{n}": Choice(lookahead=n) for n in (0, 1)},
    **{f"history_{n}": Choice(Sampling(history=n)) for n in (2, 4, 6)},
    **{f"mouth_noise_{t:g}": Choice(Sampling(mouth_temperature=t)) for t in (0.0, 0.6, 1.0)},
}


def voices(sentences: int) -> dict[str, list[Utterance]]:
    """Test speech by kind of voice, ``sentences`` of each."""
    speech = {"espeak": espeak_speech(sentences)}
    try:
        random = np.random.default_rng(SEED + 3)
        speech["pc"] = [framed(u) for u in record(_PC, sentences, random)]
    except SynthesizerError as error:
        sys.stderr.write(f"no recorded voice: {error}\n")
    return speech


def measure(
    generator: CausalMoDA, choice: Choice, identity: Identity, speech: Sequence[Utterance]
) -> dict[str, float]:
    """Figures of ``choice`` (see the module) for one kind of voice."""
    began = time.thread_time()
    controls = Controls(guidance=choice.guidance)
    motions = [
        move(generator, identity, u.speech, generator.chunk, controls, lookahead=choice.lookahead)
        for u in speech
    ]
    cpu = time.thread_time() - began
    takes = [Take(u, truth_of(u), m) for u, m in zip(speech, motions, strict=True)]
    figures = lip_metrics(takes)
    made, truth = (np.concatenate(x) for x in (motions, [t.truth for t in takes]))
    return {
        "opening_corr": figures["opening_corr"],
        "bilabial_closed": figures["bilabial_closed"],
        "opening_gain": figures["opening_gain"],
        "jerk_ratio": jerk(made) / jerk(truth),
        "cpu_ms_per_s": 1e3 * cpu / (len(made) / FPS),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=BUILT_IN, help="folder of a shipped model")
    parser.add_argument("--sentences", type=int, default=12, help="sentences per kind of voice")
    parser.add_argument("--only", nargs="+", choices=CHOICES, default=list(CHOICES))
    options = parser.parse_args()

    identity = open_avatar(avatar_names()[0], 256)
    speech = voices(options.sentences)
    results: dict[str, float] = {}
    for name in options.only:
        choice = CHOICES[name]
        generator = CausalMoDA.load(options.model, choice.sampling)
        for kind, utterances in speech.items():
            figures = measure(generator, choice, identity, utterances)
            results |= {f"{name}.{kind}.{key}": value for key, value in figures.items()}
            sys.stderr.write(f"{name} {kind} {figures}\n")
    show("choices", results, as_json=options.json)


if __name__ == "__main__":
    main()
