"""Speech of recorded voices with segment times, from festival and flite.

Debian's packages flite, festival, festvox-kallpc16k, festvox-us-slt-hts and festvox-ru make the
corpus, festvox-kdlpc16k and festvox-italp16k are for benchmarks only. Training uses voices under
permissive (MIT-like) licences only; festival's Czech, Finnish, Italian and Indian voices are under
the GPL and stay out of it. Of the Russian voice the sentences are taken that its speaker read, of
all others what they synthesize.
"""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import numpy as np

from motion.contract import SPEECH_RATE
from motion.layout import FloatArray
from motion.training import text
from motion.training.phonemes import Utterance, segments_from_phones
from motion.training.spectrum import change_rate


class SynthesizerError(RuntimeError):
    """festival or flite is missing, lacks a voice or failed."""


@dataclass(frozen=True, slots=True)
class RecordedVoice:
    name: str
    engine: Literal["festival", "flite", "recordings"]
    engine_name: str
    phone_set: str
    language: str
    held_out: bool = False
    """Kept for benchmarks; training never hears it."""


RECORDED_VOICES: Final = (
    RecordedVoice("kal", "festival", "kal_diphone", "radio", "en"),
    RecordedVoice("slt-hts", "festival", "cmu_us_slt_arctic_hts", "radio", "en"),
    RecordedVoice("slt", "flite", "slt", "radio", "en"),
    RecordedVoice("nsh", "recordings", "russian/msu_ru_nsh_clunits", "russian", "ru"),
    RecordedVoice("rms", "flite", "rms", "radio", "en", held_out=True),
    RecordedVoice("awb", "flite", "awb", "radio", "en", held_out=True),
    RecordedVoice("ked", "festival", "ked_diphone", "radio", "en", held_out=True),
    RecordedVoice("lp", "festival", "lp_diphone", "italian", "it", held_out=True),
)

_STRETCH: Final = (0.8, 1.25)
_FESTIVAL_VOICES: Final = Path("/usr/share/festival/voices")


def record(voice: RecordedVoice, count: int, random: text.Random) -> list[Utterance]:
    """``count`` random sentences, synthesized ones at random speaking rates.

    Raises :class:`SynthesizerError`.
    """
    if voice.engine == "recordings":
        return _read_recordings(voice, count, random)
    return say(voice, _sentences(voice, count, random), random)


def say(voice: RecordedVoice, sentences: Sequence[str], random: text.Random) -> list[Utterance]:
    """The sentences at random speaking rates. Raises :class:`SynthesizerError`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        if voice.engine == "festival":
            _run_festival(voice, sentences, random, folder)
        else:
            _run_flite(voice, sentences, random, folder)
        return [
            _read(voice, folder / f"{i}.wav", folder / f"{i}.lab") for i in range(len(sentences))
        ]


def _read_recordings(voice: RecordedVoice, count: int, random: text.Random) -> list[Utterance]:
    """``count`` of the sentences from which festival's unit selection takes its units."""
    folder = _FESTIVAL_VOICES / voice.engine_name
    labels = sorted((folder / "lab").glob("*.lab"))
    if not labels:
        raise SynthesizerError(f"the recordings of {voice.name} are not installed in {folder}")
    chosen = random.choice(len(labels), min(count, len(labels)), replace=False)
    return [
        _read(voice, folder / "wav" / f"{labels[i].stem}.wav", labels[i]) for i in sorted(chosen)
    ]


def _read(voice: RecordedVoice, speech: Path, labels: Path) -> Utterance:
    segments = segments_from_phones(list(_ends(labels)), voice.phone_set)
    return Utterance(_read_wave(speech), segments, voice.name)


def _sentences(voice: RecordedVoice, count: int, random: text.Random) -> list[str]:
    """Text that the voice can read."""
    if voice.language == "en":
        return [text.english(random) for _ in range(count)]
    return [text.invented(random, voice.language, simple=True) for _ in range(count)]


def _run_festival(
    voice: RecordedVoice, sentences: Sequence[str], random: text.Random, folder: Path
) -> None:
    script = [f"(voice_{voice.engine_name})"]
    for i, sentence in enumerate(sentences):
        quoted = sentence.replace("\\", " ").replace('"', " ")
        stretch = random.uniform(*_STRETCH)
        script.append(
            f"(Parameter.set 'Duration_Stretch {stretch:.3f})\n"
            f"(let ((u (utt.synth (eval (list 'Utterance 'Text \"{quoted}\")))))\n"
            f'  (utt.save.wave u "{folder}/{i}.wav" \'riff)\n'
            f'  (utt.save.segs u "{folder}/{i}.lab"))'
        )
    program = folder / "say.scm"
    program.write_text("\n".join(script), encoding="ascii", errors="ignore")
    _run(["festival", "-b", str(program)])


def _run_flite(
    voice: RecordedVoice, sentences: Sequence[str], random: text.Random, folder: Path
) -> None:
    for i, sentence in enumerate(sentences):
        stretch = random.uniform(*_STRETCH)
        output = _run(
            [
                "flite", "-voice", voice.engine_name, "--setf", f"duration_stretch={stretch:.3f}",
                "-psdur", "-t", sentence, "-o", str(folder / f"{i}.wav"),
            ]
        )  # fmt: skip
        pairs = (token.rpartition(":") for token in output.split())
        lines = [f"{end} 100 {phone}" for phone, _, end in pairs]
        (folder / f"{i}.lab").write_text("\n".join(["#", *lines]))


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    except FileNotFoundError as error:
        raise SynthesizerError(f"{command[0]} is not installed") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SynthesizerError(f"{command[0]} failed: {error.stderr!r}") from error
    return done.stdout


def _ends(labels: Path) -> Iterator[tuple[str, float]]:
    """Phones and the seconds at which they end, from xwaves labels."""
    for line in labels.read_text().splitlines():
        fields = line.split()
        if len(fields) == 3:
            yield fields[2], float(fields[0])


def _read_wave(path: Path) -> FloatArray:
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return change_rate(pcm.astype(np.float32) / np.float32(32768), rate, SPEECH_RATE)
