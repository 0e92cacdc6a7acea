"""Voices that nobody has: espeak-ng's languages spoken with invented vocal tracts and sources."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import espeakng_loader
import numpy as np

from motion.speech.espeak import engine

_FORMANTS: Final = 9


def write_voice(path: Path, language: str, timbre: str) -> None:
    """A voice file of espeak-ng at ``path``: ``language``, as the lines of ``timbre`` sound."""
    data = Path(espeakng_loader.get_data_path())
    spoken = (data / "lang" / engine().resolve(language)).read_text("utf-8")
    path.write_text(f"{spoken}\n{timbre}\n", "utf-8")


def random_timbre(random: np.random.Generator) -> str:
    """Lines of a voice file (espeak-ng's docs/voices.md) within what its own variants span."""
    lines = []
    if random.random() < 0.35:
        lines.append(f"klatt {random.integers(1, 7)}")
    low = random.triangular(55.0, 100.0, 220.0)
    lines.append(f"pitch {low:.0f} {low * random.uniform(1.15, 1.8):.0f}")
    tract = np.exp(random.normal(0.05, 0.1))
    odd = 0.16 if random.random() < 0.3 else 0.06
    for formant in range(_FORMANTS):
        frequency = 100.0 * tract * np.exp(random.normal(0.0, odd))
        height, width = 100.0 * np.exp(random.normal(0.0, (0.25, 0.2)))
        lines.append(f"formant {formant} {frequency:.0f} {height:.0f} {width:.0f}")
    if random.random() < 0.6:
        lines.append(f"voicing {random.triangular(30, 100, 230):.0f}")
        hiss, burst = random.triangular(15, 90, 200, 2)
        lines.append(f"consonants {hiss:.0f} {burst:.0f}")
    if random.random() < 0.5:
        levels = random.uniform(30, 255, 3)
        lines.append(f"tone 600 {levels[0]:.0f} 1200 {levels[1]:.0f} 2000 {levels[2]:.0f}")
    if random.random() < 0.5:
        lines += [f"roughness {random.integers(0, 4)}", f"flutter {random.integers(0, 6)}"]
    if random.random() < 0.25:
        breath = " ".join(str(level) for level in random.integers(0, 15, 8))
        lines += ["breathw 150 150 200 200 400 400 600 600", f"breath {breath}"]
    if random.random() < 0.2:
        lines.append(f"echo {random.integers(10, 150)} {random.integers(10, 80)}")
    return "\n".join(lines)
