"""The avatar's voice: queues utterances and reports how much of each has been played.

Text goes through the speech engine; sound comes from a caller or from the client's microphone. All
of it goes through one speech buffer, and events report it when it is played.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from avatar_server.conversation.speaker import Speaker, Utterance, UtteranceListener
from avatar_server.conversation.tts import SpeechSynthesisError, TextToSpeech
from streaming.clock import SAMPLE_RATE, MediaClock
from streaming.playout import Animator, Output, Pacing, Playout
from streaming.protocol import Caption, ErrorEvent, ServerEvent, Speaking
from streaming.resample import FloatArray
from streaming.speech import SpeechBuffer
from streaming.speech_source import Cue, SpeechSource


class UtteranceExistsError(ValueError):
    """An utterance of that name is not over yet."""


@dataclass(slots=True)
class _Progress:
    """How much of an utterance has been heard."""

    utterance: Utterance
    source: SpeechSource | None = None
    """Set for an utterance whose sound a caller pushes."""
    characters: int = 0

    @property
    def heard(self) -> str:
        return self.utterance.text[: self.characters]


class Voice:
    """One session's speech, from queue to playout. Use from its event loop only."""

    def __init__(
        self,
        engine: TextToSpeech,
        animator: Animator,
        output: Output,
        lookahead: int,
        pacing: Pacing,
        publish: Callable[[ServerEvent], None],
        clock: MediaClock | None = None,
    ) -> None:
        self._publish = publish
        self._speech = SpeechBuffer(lookahead)
        clock = clock or MediaClock()
        self._playout = Playout(clock, self._speech, animator, output, self._on_cue, pacing)
        self._speaker = Speaker(
            engine, self._speech, self._playout.speech_arrived, self._on_speech_error
        )
        self._utterances: dict[str, _Progress] = {}
        """Utterances that are not over, in the order of playing."""
        self._microphone = False

    async def play(self) -> None:
        """Play until cancelled."""
        await self._playout.run()

    async def speak(self) -> None:
        """Turn queued text into sound until cancelled."""
        await self._speaker.run()

    @property
    def busy(self) -> bool:
        """Whether an utterance is being spoken or queued, other than one that lacks sound."""
        sources = (progress.source for progress in self._utterances.values())
        return any(source is None or not self._speech.starves(source) for source in sources)

    @property
    def microphone(self) -> bool:
        """Whether the avatar speaks the sound given to :meth:`hear`."""
        return self._microphone

    # --- saying ---------------------------------------------------------------------------------

    def say(self, text: str, voice: str, name: str | None = None) -> str:
        """Queue text for the speech engine; returns the utterance's name.

        Raises :class:`UtteranceExistsError`, and
        :class:`~avatar_server.conversation.speaker.SpeakerBusyError` when too much waits.
        """
        utterance = self.open(voice, name)
        utterance.add(text)
        utterance.end()
        return utterance.name

    def open(
        self, voice: str, name: str | None = None, listener: UtteranceListener | None = None
    ) -> Utterance:
        """Queue an utterance whose text is still being written; raises as :meth:`say` does."""
        utterance = Utterance(self._unused(name), voice, listener)
        self._speaker.say(utterance)
        self._utterances[utterance.name] = _Progress(utterance)
        return utterance

    def begin(self, name: str | None = None) -> SpeechSource:
        """Queue an utterance whose sound the caller pushes; tell :meth:`arrived` of it."""
        name = self._unused(name)
        source = self._speech.begin(name)
        self._utterances[name] = _Progress(Utterance(name, ""), source)
        return source

    def arrived(self) -> None:
        """Sound was pushed to an utterance, or it was ended."""
        self._playout.speech_arrived()

    async def room(self, source: SpeechSource | None) -> None:
        """Wait until less than 30 s of sound are queued up to the end of ``source``, or in all."""
        await self._speech.room(source)

    def refresh(self) -> None:
        """The avatar's controls changed: plan again now, unless it is speaking."""
        self._playout.refresh()

    def use_microphone(self, on: bool) -> None:
        """Speak what :meth:`hear` is given, or stop doing so."""
        if on == self._microphone:
            return
        self._microphone = on
        if on:
            self._publish(Speaking(on=True))
        else:
            self._speech.end_live()
            self._publish(Speaking(on=False, reason="finished"))

    def hear(self, pcm: FloatArray, rate: int) -> None:
        """Sound of the client's microphone, mono float32 [n] at ``rate`` Hz."""
        if self._microphone:
            self._speech.push_live(pcm, rate)
            self._playout.speech_arrived()

    def hold(self) -> None:
        """Fall silent now and keep all queued speech, until :meth:`resume` or :meth:`interrupt`."""
        self._playout.hold()

    def resume(self) -> None:
        self._playout.resume()

    def interrupt(self) -> None:
        """Silence at once: sound fades out, the mouth closes, queued speech is dropped."""
        self._speaker.stop()
        self._playout.interrupt()
        if self._microphone:
            self._microphone = False
            self._publish(Speaking(on=False, reason="interrupted"))
        cut, self._utterances = self._utterances, {}
        for name, progress in cut.items():
            self._publish(Caption(utterance=name, text=progress.heard, final=True))
            self._publish(
                Speaking(
                    on=False,
                    utterance=name,
                    reason="interrupted",
                    position_ms=self._position_ms(name),
                )
            )

    # --- what is heard --------------------------------------------------------------------------

    def _on_cue(self, cue: Cue) -> None:
        name = cue.utterance
        progress = self._utterances.get(name)
        if progress is None:
            return
        if cue.kind == "start":
            self._publish(Speaking(on=True, utterance=name))
        elif cue.kind == "word":
            progress.characters = cue.heard
            self._publish(Caption(utterance=name, text=progress.heard))
        else:
            del self._utterances[name]
            self._publish(Caption(utterance=name, text=progress.utterance.text, final=True))
            position = self._position_ms(name)
            self._publish(
                Speaking(on=False, utterance=name, reason="finished", position_ms=position)
            )

    def _position_ms(self, name: str) -> int:
        heard, samples = self._playout.heard
        return samples * 1000 // SAMPLE_RATE if heard == name else 0

    def _on_speech_error(self, utterance: Utterance, error: SpeechSynthesisError) -> None:
        self._publish(ErrorEvent(code="speech_failed", message=str(error)))

    def _unused(self, name: str | None) -> str:
        if name is None:
            return secrets.token_urlsafe(6)
        if name in self._utterances:
            raise UtteranceExistsError(f"utterance {name!r} is not over yet")
        return name
