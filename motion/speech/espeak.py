"""The espeak-ng engine in process, with word and phoneme times.

A ctypes binding of ``speak_lib.h`` in the build that ``espeakng-loader`` carries. espeak-ng is ONE
engine per process and not thread-safe: calls are serialised by a lock, and each of them sets voice
and prosody anew, so nothing leaks from one to the next.
"""

from __future__ import annotations

import ctypes
import difflib
import functools
import threading
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import espeakng_loader
import numpy as np

from motion.layout import FloatArray

_BLOCK_MS: Final = 60
_OUTPUT_SYNCHRONOUS: Final = 2
_INITIALIZE_OPTIONS: Final = 0x0001 | 0x0002 | 0x8000  # phoneme events, in IPA, never exit()
_POSITION_CHARACTER: Final = 1
_CHARS_UTF8: Final = 1  # neither SSML (0x10) nor phoneme input (0x100): text is only ever text
_IPA: Final = 0x02
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LONGEST_PATH: Final = 59  # of a voice file: the engine copies it into 60 bytes
_UNSPEAKABLE: Final = frozenset(("Cc", "Cs", "Co"))


class EspeakError(RuntimeError):
    """espeak-ng could not be loaded or failed at a call."""


class UnknownVoiceError(EspeakError):
    """No voice has this name; the message gives those nearest to it."""


@dataclass(frozen=True, slots=True)
class Voice:
    languages: tuple[str, ...]
    """Language tags such as "en-us", the best fitting first; a voice can be chosen by them."""
    identifier: str
    """Path in the engine's data such as "gmw/en-US"; unique."""
    name: str


@dataclass(frozen=True, slots=True)
class Prosody:
    rate: int = 175
    """Words per minute, 80 to 450."""
    pitch: int = 50
    """Base pitch, 0 to 99."""
    range: int = 50
    """Liveliness of the pitch, 0 (monotone) to 100."""
    volume: int = 100
    """0 to 200; above 100 loud voices clip."""

    def __post_init__(self) -> None:
        limits = {"rate": (80, 450), "pitch": (0, 99), "range": (0, 100), "volume": (0, 200)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be between {low} and {high}, not {value}")


@dataclass(frozen=True, slots=True)
class Word:
    start: int
    """Index of its first character in the text."""
    end: int
    """Index after its last character."""
    sample: int
    """Sample, from the start of the call, at which it begins."""


@dataclass(frozen=True, slots=True)
class Phoneme:
    ipa: str
    """IPA with stress marks; "" is a pause, "(en)" a change of language."""
    sample: int
    """Sample, from the start of the call, at which it begins."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of output: at most 60 ms of speech, with the words and phonemes that begin in it."""

    pcm: FloatArray
    words: tuple[Word, ...]
    phonemes: tuple[Phoneme, ...]


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # (priority byte, tag, NUL) ..., NUL
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@functools.cache
def engine() -> EspeakEngine:
    """The engine of this process, loaded at the first call (some ms)."""
    return EspeakEngine()


class EspeakEngine:
    """Use :func:`engine`; a second instance would share the library's state with the first."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path())
        self.rate: int = self._library.espeak_Initialize(
            _OUTPUT_SYNCHRONOUS, _BLOCK_MS, data.encode(), _INITIALIZE_OPTIONS
        )
        """Sample rate in Hz of everything it speaks."""
        if self.rate <= 0:
            raise EspeakError(f"espeak-ng could not read its data in {data}")
        self._lock = threading.Lock()
        self._text = ""
        self._sink: Callable[[Block], bool] | None = None
        self._failure: BaseException | None = None
        self._callback = _Callback(self._on_block)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        listed = self._list_voices(None)
        self.voices: tuple[Voice, ...] = tuple(voice for voice, _ in listed)
        self.variants: tuple[str, ...] = tuple(
            voice.identifier.removeprefix("!v/") for voice, _ in self._list_voices(b"variant")
        )
        """Timbres that can follow the name of any voice after a plus: "en-us+f3"."""
        best: dict[str, tuple[int, str]] = {v.identifier: (0, v.identifier) for v in self.voices}
        for voice, priorities in listed:
            for tag, priority in zip(voice.languages, priorities, strict=True):
                choice = (priority, voice.identifier)
                best[tag] = min(best.get(tag, choice), choice)
        self._identifiers = {name: identifier for name, (_, identifier) in best.items()}

    def resolve(self, name: str) -> str:
        """The identifier of the voice ``name``: a language tag or an identifier of the engine, with
        or without a variant. Raises :class:`UnknownVoiceError`."""
        base, plus, variant = name.partition("+")
        if base not in self._identifiers:
            raise UnknownVoiceError(_unknown("voice", base, self._identifiers))
        if plus and variant not in self.variants:
            raise UnknownVoiceError(_unknown("voice variant", variant, self.variants))
        return self._identifiers[base] + plus + variant

    def seed(self, seed: int) -> None:
        """Seed the noise of the voices (breath, flutter). It is reproducible only in a new process,
        before anything is spoken, because its state goes on from call to call."""
        with self._lock:
            self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))

    def speak(
        self,
        text: str,
        voice: str | Path,
        sink: Callable[[Block], bool],
        prosody: Prosody | None = None,
    ) -> None:
        """Speak ``text`` and hand each block to ``sink`` as it is made, in the calling thread.

        ``voice`` is a name (:meth:`resolve`) or the path of a voice file. The engine stops when
        ``sink`` returns False. What ``sink`` raises is raised here. Raises
        :class:`UnknownVoiceError`, or :class:`EspeakError` if the engine fails.
        """
        choose, chosen = self._chooser(voice)
        prosody = prosody or Prosody()
        text = speakable(text)
        with self._lock:
            if choose(chosen) != 0:
                raise EspeakError(f"espeak-ng could not load the voice {str(voice)!r}")
            for parameter, value in (
                (_RATE, prosody.rate),
                (_VOLUME, prosody.volume),
                (_PITCH, prosody.pitch),
                (_RANGE, prosody.range),
            ):
                self._library.espeak_SetParameter(parameter, value, 0)
            self._text, self._sink, self._failure = text, sink, None
            try:
                status = self._synthesize(text)
                failure = self._failure
            finally:
                self._sink = self._failure = None
        if failure is not None:
            raise failure
        if status != 0:
            raise EspeakError(f"espeak-ng failed with status {status}")

    def synthesize(self, text: str, voice: str | Path, prosody: Prosody | None = None) -> Block:
        """Speak all of ``text`` into one block; errors as in :meth:`speak`."""
        blocks: list[Block] = []

        def collect(block: Block) -> bool:
            blocks.append(block)
            return True

        self.speak(text, voice, collect, prosody)
        return Block(
            pcm=np.concatenate([b.pcm for b in blocks]) if blocks else np.zeros(0, np.float32),
            words=tuple(word for b in blocks for word in b.words),
            phonemes=tuple(phoneme for b in blocks for phoneme in b.phonemes),
        )

    def pronounce(self, text: str, voice: str) -> str:
        """``text`` in IPA, with stress marks, as ``voice`` would say it; its clauses are joined by
        spaces and lose their punctuation. Raises :class:`UnknownVoiceError`."""
        identifier = self.resolve(voice)
        buffer = ctypes.create_string_buffer(speakable(text).encode())
        rest = ctypes.c_void_p(ctypes.addressof(buffer))
        clauses: list[str] = []
        with self._lock:
            if self._library.espeak_SetVoiceByName(identifier.encode()) != 0:
                raise EspeakError(f"espeak-ng could not load the voice {voice!r}")
            while rest.value:  # the engine moves it on, and clears it after the last clause
                said = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _IPA)
                clauses.append((said or b"").decode(errors="replace"))
            # The engine's clause counter goes on: after some dozens the next speech would lack its
            # first events. Speaking an empty text resets it.
            self._synthesize("")
        return " ".join(filter(None, clauses))

    def _chooser(self, voice: str | Path) -> tuple[Callable[[bytes], int], bytes]:
        """The library's call that makes ``voice`` the current one, and what it takes."""
        if isinstance(voice, Path):
            path = bytes(voice)
            if len(path) > _LONGEST_PATH:
                raise EspeakError(f"espeak-ng takes paths of {_LONGEST_PATH} bytes, not {voice}")
            return self._library.espeak_SetVoiceByFile, path
        return self._library.espeak_SetVoiceByName, self.resolve(voice).encode()

    def _synthesize(self, text: str) -> int:
        """One call of the library, which must be locked; its status."""
        encoded = text.encode() + b"\0"
        status: int = self._library.espeak_Synth(
            encoded,
            ctypes.c_size_t(len(encoded)),
            ctypes.c_uint(0),
            _POSITION_CHARACTER,
            ctypes.c_uint(0),
            ctypes.c_uint(_CHARS_UTF8),
            None,
            None,
        )
        return status

    def _on_block(self, pcm: Any, samples: int, events: Any) -> int:
        """The library's callback; 0 goes on, 1 stops. Nothing may be raised through C."""
        try:
            if self._sink is None:
                return 1
            block = _read_block(pcm, samples, events, self._text)
            if len(block.pcm) == 0 and not block.words and not block.phonemes:
                return 0
            return 0 if self._sink(block) else 1
        except BaseException as error:
            self._failure = error
            return 1

    def _list_voices(self, kind: bytes | None) -> list[tuple[Voice, tuple[int, ...]]]:
        """Voices, each with the priority of its languages (less is more fitting)."""
        tags = ctypes.create_string_buffer(kind or b"")
        wanted = ctypes.byref(_Voice(languages=ctypes.addressof(tags))) if kind else None
        entries = self._library.espeak_ListVoices(wanted)
        voices = []
        i = 0
        while entries[i]:
            entry = entries[i].contents
            languages, priorities = _languages(entry)
            voice = Voice(languages, entry.identifier.decode(), entry.name.decode())
            voices.append((voice, priorities))
            i += 1
        return voices


def speakable(text: str) -> str:
    """``text`` with a space for each control, private-use and lone surrogate character.

    Control characters would be commands to the engine. The length stays the same, so that
    positions in the result are positions in ``text``.
    """
    return "".join(" " if unicodedata.category(c) in _UNSPEAKABLE else c for c in text)


def _read_block(pcm: Any, samples: int, events: Any, text: str) -> Block:
    audio = np.zeros(0, np.float32)
    if pcm and samples > 0:
        audio = np.ctypeslib.as_array(pcm, (samples,)).astype(np.float32) / np.float32(32768)
    words: list[Word] = []
    phonemes: list[Phoneme] = []
    i = 0
    while (event := events[i]).type != _EVENT_END:
        if event.type == _EVENT_WORD:
            start = event.text_position - 1  # the engine counts characters from 1
            # After a curly quote the engine gives a word no length.
            end = start + event.length if event.length > 0 else _word_end(text, start)
            words.append(Word(start, min(end, len(text)), event.sample))
        elif event.type == _EVENT_PHONEME:
            phonemes.append(Phoneme(event.id.string.decode(errors="replace"), event.sample))
        i += 1
    return Block(audio, tuple(words), tuple(phonemes))


def _word_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] in "'’"):
        end += 1
    return end


def _languages(entry: Any) -> tuple[tuple[str, ...], tuple[int, ...]]:
    tags: list[str] = []
    priorities: list[int] = []
    address = entry.languages
    while address and (item := ctypes.string_at(address)):
        priorities.append(item[0])
        tags.append(item[1:].decode())
        address += len(item) + 1
    return tuple(tags), tuple(priorities)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    return f"espeak-ng has no {kind} {name!r}{hint}"
