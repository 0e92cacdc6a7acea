"""Speech of espeak-ng with phoneme times, in many languages and timbres."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from motion.contract import SPEECH_RATE
from motion.speech.espeak import Block, Prosody, engine
from motion.training import text
from motion.training.phonemes import PAUSE, Segment, Utterance, segments_of
from motion.training.spectrum import change_rate
from motion.training.timbres import random_timbre, write_voice
from motion.training.visemes import VISEMES

_ENGLISH: Final = ("en-us", "en-gb", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbcwmd")
_SPELT: Final = (
    "de", "it", "es", "fr", "fi", "cs", "pl", "tr", "hu", "sv", "pt-br", "id", "sw", "ro", "hr",
    "et", "eo", "la", "sk", "da", "nb", "lv", "ca",
)  # fmt: skip
_NUMBERS_ONLY: Final = (
    "ru", "uk", "el", "hi", "bn", "ta", "ar", "fa", "he", "ja", "ko", "cmn", "yue", "vi", "ka",
    "bg", "sr", "hy", "ne", "te", "am", "cy", "is",
)  # fmt: skip

HELD_OUT_VOICES: Final = ("en-gb-scotland", "nl", "lt")
HELD_OUT_VARIANTS: Final = ("f5", "m8", "klatt3", "Alicia", "edward", "steph2", "travis", "iven2")
"""Languages and timbres that training never hears."""

_UNUSED_VARIANTS: Final = (
    "whisper", "whisperf", "croak", "Demonic", "UniRobot", "Tweaky", "anikaRobot", "fast",
    "AnxiousAndy",
)  # fmt: skip
"""No voice, or none that a microphone hears."""

_SHORT_GAP_S: Final = 0.05
_BACK_UW: Final = {"u": "ʉ"}
"""American "oo" is spoken further in front, with less rounding."""


def training_variants() -> tuple[str, ...]:
    """Timbres that training may use."""
    left_out = {*HELD_OUT_VARIANTS, *_UNUSED_VARIANTS}
    return tuple(v for v in engine().variants if v not in left_out and "robo" not in v)


def random_utterance(
    random: text.Random, held_out: bool = False, invented_share: float = 0.0
) -> Utterance:
    """A random voice, timbre and prosody saying random text.

    ``invented_share`` is the part whose timbre is none of espeak-ng's own.
    """
    kind = random.random()
    if held_out:
        language = str(random.choice(HELD_OUT_VOICES))
        if kind < 0.7:
            language = str(random.choice(("en-us", "en-gb", "en-gb-scotland")))
    elif kind < 0.6:
        language = str(random.choice(_ENGLISH, p=(0.35, 0.25, 0.1, 0.1, 0.1, 0.1)))
    elif kind < 0.85:
        language = str(random.choice(_SPELT))
    else:
        language = str(random.choice(_NUMBERS_ONLY))
    variants = HELD_OUT_VARIANTS if held_out else training_variants()
    variant = str(random.choice(variants))
    if not held_out and random.random() < 0.15:
        variant = ""
    prosody = Prosody(
        rate=int(random.triangular(110, 165, 260)),
        pitch=int(random.triangular(10, 50, 95)),
        range=int(random.triangular(10, 50, 100)),
    )
    words = random_text(random, language)
    if invented_share > 0.0 and random.random() < invented_share:
        return _utter_invented(words, language, random_timbre(random), prosody)
    return utter(words, f"{language}+{variant}" if variant else language, prosody)


def utter(words: str, voice: str, prosody: Prosody | None = None) -> Utterance:
    """``words`` spoken by a voice of espeak-ng."""
    return _utterance(engine().synthesize(words, voice, prosody), voice)


def _utter_invented(words: str, language: str, timbre: str, prosody: Prosody) -> Utterance:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "voice")
        write_voice(file, language, timbre)
        return _utterance(engine().synthesize(words, file, prosody), f"{language}+invented")


def _utterance(block: Block, voice: str) -> Utterance:
    speech = change_rate(block.pcm, engine().rate, SPEECH_RATE)
    american = voice.startswith("en-us")
    return Utterance(speech, _segments(block, engine().rate, american), f"espeak:{voice}")


def random_text(random: text.Random, language: str) -> str:
    """A sentence that espeak-ng can read in ``language``."""
    if language.startswith("en"):
        return text.english(random)
    if language in _NUMBERS_ONLY or random.random() < 0.3:
        return text.numbers(random)
    return text.invented(random, language)


def _segments(block: Block, rate: int, american: bool) -> tuple[Segment, ...]:
    events = [p for p in block.phonemes if not p.ipa.startswith("(")]
    ends = [p.sample for p in events[1:]] + [len(block.pcm)]
    segments: list[Segment] = []
    for event, end in zip(events, ends, strict=True):
        if end <= event.sample:
            continue
        start_s, end_s = event.sample / rate, end / rate
        parts = segments_of(event.ipa, start_s, end_s)
        if parts[0].ipa == PAUSE and segments and end_s - start_s < _SHORT_GAP_S:
            # A modifier such as palatalisation, not a gap: the sound before goes on.
            last = segments[-1]
            segments[-1] = Segment(last.ipa, last.start, end_s, last.stressed)
            continue
        segments += parts
    return tuple(_allophones(segments)) if american else tuple(segments)


def _allophones(segments: list[Segment]) -> list[Segment]:
    """American realisations that the symbols do not tell: fronted "oo", dark "l"."""
    result = []
    for i, segment in enumerate(segments):
        following = segments[i + 1].ipa if i + 1 < len(segments) else PAUSE
        ipa = _BACK_UW.get(segment.ipa, segment.ipa)
        if ipa == "l" and not (following in VISEMES and VISEMES[following].vowel):
            ipa = "ɫ"
        result.append(Segment(ipa, segment.start, segment.end, segment.stressed))
    return result
