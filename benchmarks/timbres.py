"""Lip sync by voice of espeak-ng: which timbres and languages the lips follow.

    python -m benchmarks.timbres --json

espeak-ng's American voice, plain and with every timbre outside the training data, speaks the same
English sentences; plain voices of other languages speak sentences of their own. Scottish English,
Dutch and Lithuanian are not in the training data either. Correlations and closures are those of
``benchmarks.lipsync``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.lipsync import move
from benchmarks.lipsync_metrics import Take, lip_metrics
from benchmarks.lipsync_speech import SEED, framed, truth_of
from benchmarks.report import show
from motion.generator import BUILT_IN, CausalMoDA
from motion.training.espeak_voices import HELD_OUT_VARIANTS, random_text, utter
from renderer.library import avatar_names, open_avatar

_LANGUAGES: Final = (
    "en-gb",
    "en-gb-scotland",
    "nl",
    "lt",
    "de",
    "it",
    "es",
    "fr",
    "fi",
    "ca",
    "cmn",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=BUILT_IN, help="folder of a shipped model")
    parser.add_argument("--sentences", type=int, default=8, help="sentences of each voice")
    options = parser.parse_args()

    identity = open_avatar(avatar_names()[0], 256)
    generator = CausalMoDA.load(options.model)
    results: dict[str, float] = {}
    timbres = [f"en-us+{variant}" for variant in HELD_OUT_VARIANTS]
    for voice in ("en-us", *timbres, *_LANGUAGES):
        random = np.random.default_rng(SEED + 4)
        texts = [random_text(random, voice.partition("+")[0]) for _ in range(options.sentences)]
        speech = [framed(utter(text, voice)) for text in texts]
        motions = [move(generator, identity, u.speech, generator.chunk) for u in speech]
        takes = [Take(u, truth_of(u), m) for u, m in zip(speech, motions, strict=True)]
        figures = lip_metrics(takes)
        results |= {
            f"{voice}.{key}": figures[key]
            for key in ("opening_corr", "jaw_corr", "width_corr", "bilabial_closed")
        }
    show("timbres", results, as_json=options.json)


if __name__ == "__main__":
    main()
