"""One viewer of a load test."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final, Literal

import numpy as np

from client import measure
from client.http import ConnectError
from client.load.arrivals import Arrivals
from client.load.plan import SENTENCE, SETTLE, LoadPlan, Scenario
from client.load.result import Outcome, Second, Session
from client.load.speech import read_speech
from client.media import AUDIO_RATE
from client.peer import Peer
from streaming.protocol import ConversationState, ErrorEvent, Speaking

_HISTORY: Final = 30.0
"""Seconds of media that are kept: longer than any sentence takes."""

_STORY: Final = " ".join([SENTENCE] * 4)

_ENGINES_LOAD: Final = 60.0
"""Seconds that a server may take until conversations can begin."""

_LEAST: Final = 1.0
"""Seconds over which pictures must be counted to give a rate."""

_HOLD: Final = 0.2
"""Seconds without sound that count as silence after an interruption."""

_SLOWEST: Final = 1.0
"""Seconds after an interruption in which silence is looked for."""


class Viewer:
    """Number ``number`` of ``plan``, which begins at ``begin`` on ``time.monotonic()``."""

    def __init__(
        self, plan: LoadPlan, number: int, begin: float, report: Callable[[Second], None]
    ) -> None:
        self._plan = plan
        self._number = number
        self._begin = begin
        self._report = report
        self._decodes = plan.watch_every > 0 and number % plan.watch_every == 0
        self._audio = Arrivals()
        self._video = Arrivals()
        self._answers: list[float] = []
        self._silences: list[float] = []
        self._replies: list[float] = []
        self._speech = None if plan.speech is None else read_speech(plan.speech)
        # Repeatable, and different for each viewer.
        self._random = random.Random(number)

    async def run(self) -> Session:
        """Connect when it is this viewer's turn and stay until the end."""
        await _until(self._begin + self._number / self._plan.ramp)
        began = time.monotonic()
        outcome: Outcome = "failed"
        reason = ""
        found = Session(viewer=self._number, outcome=outcome)
        try:
            async with Peer.connect(
                self._plan.url,
                token=self._plan.token,
                avatar=self._plan.avatar,
                size=self._plan.size,
                history=_HISTORY,
                decode_video=self._decodes,
                on_frame=self._on_frame,
                # A viewer that is still in the queue when the test ends counts as refused.
                wait=max(0.0, min(self._plan.wait, self._begin + self._plan.end - began)),
            ) as peer:
                ready = time.monotonic()
                began += peer.waited
                if self._plan.size not in (None, peer.ready.size):
                    raise ConnectError(
                        "bad_size",
                        f"the server sends pictures of {peer.ready.size} pixels, not "
                        f"{self._plan.size}; see its setting max_size",
                    )
                outcome, reason = await self._stay(peer)
                found = self._session(peer, began, ready)
        except ConnectError as error:
            outcome = "refused" if error.status in (429, 503) else outcome
            reason = str(error)
        except TimeoutError:
            reason = "the server did not answer in time"
        return found.model_copy(update={"outcome": outcome, "reason": reason})

    async def _stay(self, peer: Peer) -> tuple[Outcome, str]:
        """Act until the end of the test or of the connection."""
        end = self._begin + self._plan.end
        act = {
            Scenario.IDLE: self._idle,
            Scenario.TALK: self._talk,
            Scenario.BARGE_IN: self._barge_in,
            Scenario.CONVERSE: self._converse,
        }[self._plan.scenario]
        acting = asyncio.create_task(act(peer))
        watching = asyncio.create_task(self._watch())
        lost = asyncio.create_task(peer.disconnected(timeout=end - time.monotonic() + 60))
        try:
            done, _ = await asyncio.wait(
                (acting, watching, lost),
                timeout=max(0.0, end - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for task in (acting, watching, lost):
                task.cancel()
            await asyncio.gather(acting, watching, lost, return_exceptions=True)
        for task in done:
            if error := task.exception():
                told = [h.event.message for h in peer.events if isinstance(h.event, ErrorEvent)]
                return "lost", str(error) or (told or ["the server did not answer in time"])[-1]
        return ("lost", "the connection ended") if done else ("ok", "")

    # --- scenarios ------------------------------------------------------------------------------

    async def _idle(self, peer: Peer) -> None:
        await asyncio.Event().wait()

    async def _talk(self, peer: Peer) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 1.5))
            asked = time.monotonic()
            await peer.spoken(peer.say(SENTENCE), timeout=_HISTORY)
            self._keep(self._answers, measure.audible_at(peer.audio, asked), asked)

    async def _barge_in(self, peer: Peer) -> None:
        await asyncio.sleep(self._random.uniform(0.5, 1.0))
        while True:
            asked = time.monotonic()
            utterance = peer.say(_STORY)
            # A slow answer is waited for, and counts.
            await _begun(peer, utterance)
            await asyncio.sleep(self._random.uniform(1.0, 2.0))
            self._keep(self._answers, measure.audible_at(peer.audio, asked), asked)
            stopped = time.monotonic()
            peer.interrupt()
            await peer.spoken(utterance)
            await asyncio.sleep(_SLOWEST + _HOLD)
            silent = measure.silent_at(peer.audio, stopped, _HOLD)
            self._keep(self._silences, silent, stopped)

    async def _converse(self, peer: Peer) -> None:
        if self._speech is None:
            raise ValueError("to converse, speech is needed")
        peer.converse()
        await _state(peer, "listening", time.monotonic(), _ENGINES_LOAD)
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 1.0))
            began = time.monotonic()
            peer.play(self._speech.pcm, AUDIO_RATE)
            ended = began + self._speech.ends
            await asyncio.sleep(self._speech.ends)
            answered = await _state(peer, "speaking", began, _HISTORY)
            await _state(peer, "listening", answered, 2 * _HISTORY)
            self._keep(self._replies, measure.audible_at(peer.audio, ended), ended)

    @staticmethod
    def _keep(times: list[float], at: float | None, since: float) -> None:
        if at is not None:
            times.append(_ms(at - since))

    # --- measuring ------------------------------------------------------------------------------

    def _on_frame(self, kind: Literal["audio", "video"], pts: float, arrival: float) -> None:
        (self._audio if kind == "audio" else self._video).add(pts, arrival)

    async def _watch(self) -> None:
        """Report every full second."""
        second = int(time.monotonic() - self._begin) + 1
        while True:
            await _until(self._begin + second + 1)
            at, late = self._video.at, self._video.lateness()
            lately = late[(at >= self._begin + second) & (at < self._begin + second + 1)]
            worst = _ms(float(lately.max(initial=0.0)))
            self._report(
                Second(viewer=self._number, second=second, frames=len(lately), late_ms=worst)
            )
            second += 1

    def _session(self, peer: Peer, began: float, ready: float) -> Session:
        # One that waited in line came after the others.
        since = max(self._begin + self._plan.all_connected, ready + SETTLE if peer.waited else 0.0)
        until = self._begin + self._plan.end
        late = self._video.lateness()
        return Session(
            viewer=self._number,
            outcome="ok",
            waited_ms=_ms(peer.waited) if peer.waited else None,
            connect_ms=_ms(ready - began),
            first_frame_ms=None if self._video.first is None else _ms(self._video.first - began),
            fps=round(self._video.rate(since, until), 2) if until - since >= _LEAST else None,
            freezes=self._video.freezes(time.monotonic()),
            audio_gaps=self._audio.gaps(),
            frame_lateness_ms=tuple(_ms(q) for q in np.quantile(late, (0.5, 0.95, 0.99)))
            if len(late)
            else (),
            say_to_audio_ms=tuple(self._answers),
            interrupt_to_silence_ms=tuple(self._silences),
            speech_to_audio_ms=tuple(self._replies),
            av_offset_ms=_av_offsets(peer) if self._decodes else (),
            audio_bytes=peer.audio_clock.bytes,
            video_bytes=peer.video_clock.bytes,
        )


def _av_offsets(peer: Peer) -> tuple[float, ...]:
    return tuple(round(float(offset), 1) for offset in measure.lip_sync_at(peer).offsets_ms)


async def _begun(peer: Peer, utterance: str) -> None:
    """Wait until an utterance is heard."""
    await peer.event(Speaking, lambda event: event.utterance == utterance, timeout=_HISTORY)


async def _state(peer: Peer, state: str, after: float, timeout: float) -> float:
    """When the conversation came to ``state``, at or after ``after``."""
    arrival, _ = await peer.event(
        ConversationState, lambda event: event.state == state, after=after, timeout=timeout
    )
    return arrival


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
