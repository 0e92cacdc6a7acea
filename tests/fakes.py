"""Small stand-ins with exact, predictable output, for tests of the parts around the models."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avatar_server.conversation.asr import RecognitionError
from avatar_server.conversation.dialogue import DialogueError, Turn
from avatar_server.conversation.personas import Personas
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError, WordMark
from avatar_server.models import Listing, Models
from avatar_server.talk import Engines, Talking
from motion.contract import FeatureExtractor, Identity, MotionGenerator, MotionRequest, Stepped
from motion.layout import EXP, FloatArray, neutral_motion
from renderer.contract import Renderer, UnknownAvatarError, UnusableAvatarError
from renderer.portrait import Portrait

SIZE = 64


@dataclass(frozen=True)
class FlatAvatar:
    name: str = "flat"
    title: str = "Flat"
    size: int = SIZE
    hue: int = 128

    @property
    def canonical(self) -> np.ndarray:
        return np.zeros((21, 3), np.float32)

    @property
    def rest(self) -> np.ndarray:
        rest: FloatArray = neutral_motion()[0]
        return rest


class LoudnessFeatures(FeatureExtractor[int]):
    """One feature: the loudness of the frame. The state counts frames."""

    dim = 1

    def init_state(self) -> int:
        return 0

    def step(self, state: int, speech: np.ndarray) -> Stepped[int]:
        frames = speech.reshape(-1, 640)
        loudness = np.abs(frames).mean(1, keepdims=True).astype(np.float32)
        return loudness, range(state, state + len(frames) + 1)


class LoudnessMotion(MotionGenerator[int]):
    """The first expression number is the loudness, the second counts frames."""

    lookahead = 2
    chunk = 2

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def init_state(self, identity: Identity) -> int:
        return 0

    def steps(self, requests: Sequence[MotionRequest[int]]) -> list[Stepped[int]]:
        made: list[Stepped[int]] = []
        for request in requests:
            n, state = len(request.features), request.state
            self.sizes.append(n)
            motion = neutral_motion(n)
            motion[:, EXP.start] = request.features[:, 0]
            motion[:, EXP.start + 1] = state + np.arange(n)
            made.append((motion, range(state, state + n + 1)))
        return made


class FlatRenderer(Renderer[FlatAvatar]):
    """A grey picture, the brighter the louder; its colour tells the avatar."""

    def __init__(self) -> None:
        self.fail = False

    def render(self, avatar: FlatAvatar, motion: np.ndarray) -> np.ndarray:
        if self.fail:
            raise RuntimeError("the renderer broke")
        frames = np.full((len(motion), avatar.size * 3 // 2, avatar.size), avatar.hue, np.uint8)
        frames[:, : avatar.size] = (40 + 200 * motion[:, 0].clip(0, 1))[:, None, None]
        return frames


class ToneSpeech:
    """Speaks every word as 200 ms of tone; knows one voice, and fails on request."""

    rate = 16_000

    def __init__(self) -> None:
        self.started: list[str] = []
        self.finished: list[str] = []

    def voices(self) -> tuple[str, ...]:
        return ("en-us",)

    async def aclose(self) -> None:
        pass

    async def synthesize(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk]:
        if text == "fail":
            raise SpeechSynthesisError("the voice broke; choose another")
        if text == "crash":
            raise OSError("the engine is dead")
        self.started.append(text)
        time = np.arange(self.rate // 5) / self.rate
        tone = (0.5 * np.sin(2 * np.pi * 300 * time)).astype(np.float32)
        at = 0
        for i, word in enumerate(text.split()):
            await asyncio.sleep(0)
            mark = WordMark(at, at + len(word), i * len(tone))
            yield SpeechChunk(tone, self.rate, (mark,))
            at += len(word) + 1
        self.finished.append(text)


class FlatAvatars:
    """A fixed set of avatars."""

    def __init__(self, *avatars: FlatAvatar) -> None:
        self._avatars = {avatar.name: avatar for avatar in avatars}

    def listed(self) -> list[Listing]:
        return [Listing(avatar.name, avatar.title, "1") for avatar in self._avatars.values()]

    def stamp(self, name: str) -> str:
        self.open(name)
        return "1"

    def thumbnail(self, name: str) -> bytes | None:
        return None

    def unkept(self, portrait: Portrait) -> FlatAvatar:
        raise UnusableAvatarError(f"{portrait.name} cannot be flat")

    def open(self, name: str, size: int | None = None) -> FlatAvatar:
        if name not in self._avatars:
            raise UnknownAvatarError(name, self._avatars)
        avatar = self._avatars[name]
        return replace(avatar, size=size) if size in (256, 768) else avatar


def flat_models() -> Models:
    avatars = FlatAvatars(
        FlatAvatar(),
        FlatAvatar("red", "Red", hue=200),
        FlatAvatar("big", "Big", size=2 * SIZE),
    )
    return Models(LoudnessFeatures(), LoudnessMotion(), FlatRenderer(), avatars)


class ScriptedRecognition:
    """Hears the words of its script, whatever the sound; the first two at once if ``partials``."""

    def __init__(
        self, text: str, on_partial: Callable[[str], None], *, partials: bool = False
    ) -> None:
        self._text = text
        self._on_partial = on_partial
        self._partials = partials
        self.samples = 0
        self.closed = False

    def feed(self, speech: np.ndarray) -> None:
        if self._partials and self.samples == 0:
            self.partial(" ".join(self._text.split()[:2]))
        self.samples += len(speech)

    async def transcript(self) -> str:
        await asyncio.sleep(0)
        return self._text

    def partial(self, text: str) -> None:
        self._on_partial(text)

    def close(self) -> None:
        self.closed = True


class ScriptedRecogniser:
    def __init__(self, script: Sequence[str] = (), *, partials: bool = False) -> None:
        self.script = list(script)
        self._partials = partials
        self.opened: list[ScriptedRecognition] = []
        self.refuses = ""
        """Why no language is recognised, if so."""

    def open(self, language: str, on_partial: Callable[[str], None]) -> ScriptedRecognition:
        if self.refuses:
            raise RecognitionError(self.refuses)
        text = self.script.pop(0) if self.script else ""
        self.opened.append(ScriptedRecognition(text, on_partial, partials=self._partials))
        return self.opened[-1]

    async def warm_up(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class EchoDialogue:
    """Answers "You said: ..."; fails on request, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Turn, ...]] = []
        self.instructions: list[str] = []
        self.gate: asyncio.Event | None = None
        """Answers wait for it where there is one."""

    async def answer(
        self, turns: Sequence[Turn], instructions: str, language: str
    ) -> AsyncGenerator[str]:
        self.asked.append(tuple(turns))
        self.instructions.append(instructions)
        if self.gate is not None:
            await self.gate.wait()
        if not turns:
            yield "Nobody said anything."
            return
        if turns[-1].text == "fail":
            raise DialogueError("the model is gone; check its address")
        if turns[-1].text == "crash":
            raise OSError("the engine is dead")
        for word in f"You said: {turns[-1].text}. ".split(" "):
            await asyncio.sleep(0)
            yield word + " "

    async def aclose(self) -> None:
        pass


class LoudnessVad:
    """Speech is what is loud."""

    def init_state(self) -> int:
        return 0

    def step(self, state: int, speech: np.ndarray) -> tuple[np.ndarray, int]:
        # Speech at an ordinary level is louder in most of its frames, whoever synthesised it.
        loud = np.abs(speech.reshape(-1, 512)).mean(1) > 0.02
        return loud.astype(np.float32), state + 1


def flat_personas(greeting: str = "", folder: Path | None = None) -> Personas:
    """One persona that ships, named flat."""
    with tempfile.TemporaryDirectory() as shipped:
        document = json.dumps({"name": "flat", "greeting": greeting})
        Path(shipped, "flat.json").write_text(document, encoding="utf-8")
        return Personas(folder, shipped=Path(shipped))


def scripted_talking(
    script: Sequence[str] = (), greeting: str = "", folder: Path | None = None
) -> Talking:
    """Conversations that hear ``script``, turn by turn, with partial transcripts."""
    recogniser = ScriptedRecogniser(script, partials=bool(script))
    return Talking(
        flat_personas(greeting, folder), lambda: Engines(LoudnessVad(), recogniser, EchoDialogue())
    )
