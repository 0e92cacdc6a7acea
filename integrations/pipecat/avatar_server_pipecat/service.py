"""The Pipecat side: a service that stands after TTS and before ``transport.output()``."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import numpy as np
from av import AudioFrame, AudioResampler, VideoFrame
from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputImageRawFrame,
    SpeechOutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.ai_service import AIService
from pipecat.services.settings import ServiceSettings

from avatar_server_pipecat.connection import AvatarConnection, AvatarConnectionError

SPEECH_RATE: Final = 24_000
"""Rate in Hz at which speech goes to the server."""

LAST_WORDS_SECONDS: Final = 60.0
"""How long the end of a pipeline waits for what the avatar still has to say."""


class AvatarVideoService(AIService):
    """Gives the bot's voice a face.

    Speech of the pipeline's TTS goes to an avatar server; its picture and its sound, in step with
    each other, go on to the transport in place of the TTS's sound. The transport's parameters
    should say ``video_out_enabled=True, video_out_is_live=True`` and the avatar's size.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str | None = None,
        avatar: str | None = None,
        size: int | None = None,
        **kwargs: Any,
    ) -> None:
        """``url`` is the server's, such as ``http://127.0.0.1:8080``; ``token`` its key where it
        has one; ``avatar`` the name of the face and ``size`` the width of its picture (256, 512 or
        768), the server's defaults if absent."""
        super().__init__(settings=ServiceSettings(model=None), **kwargs)
        self._url = url
        self._token = token
        self._avatar = avatar
        self._size = size
        self._connection: AvatarConnection | None = None
        self._out_rate = SPEECH_RATE
        self._to_server = create_stream_resampler()
        self._from_server: AudioResampler | None = None

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        # Pipecat's own processors narrow the argument in the same way.
        await super().setup(setup)
        self._out_rate = setup.audio_out_sample_rate
        self._from_server = AudioResampler(format="s16", layout="mono", rate=self._out_rate)

    async def stop(self, frame: EndFrame) -> None:
        if self._connection is not None:
            try:
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    await self._connection.all_heard()
            except TimeoutError:
                await self.push_error(error_msg="the avatar did not finish its last words")
        await super().stop(frame)
        await self._disconnect()

    async def cancel(self, frame: CancelFrame) -> None:
        await super().cancel(frame)
        await self._disconnect()

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._disconnect()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame():
                # Frames of the avatar must come after it.
                await self.push_frame(frame, direction)
                await self._connect()
                return
            case TTSAudioRawFrame():
                await self._push(frame)
                return
            case TTSStartedFrame():
                await self.start_ttfb_metrics()
                if self._connection is not None:
                    self._connection.speak()
            case TTSStoppedFrame():
                if self._connection is not None:
                    self._connection.speak_end()
            case InterruptionFrame():
                if self._connection is not None:
                    self._connection.interrupt()
            case BotStartedSpeakingFrame():
                await self.stop_ttfb_metrics()
        await self.push_frame(frame, direction)

    async def _connect(self) -> None:
        connection = AvatarConnection(
            self._url,
            SPEECH_RATE,
            token=self._token,
            avatar=self._avatar,
            size=self._size,
            on_sound=self._on_sound,
            on_picture=self._on_picture,
            on_lost=self._on_lost,
        )
        try:
            await connection.open()
        except AvatarConnectionError as error:
            await self.push_error(
                error_msg=str(error), exception=error, force_treat_as_permanent=True
            )
        else:
            self._connection = connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _push(self, frame: TTSAudioRawFrame) -> None:
        if self._connection is None:
            return
        audio = frame.audio
        if frame.num_channels > 1:
            samples = np.frombuffer(audio, "<i2").reshape(-1, frame.num_channels)
            audio = samples.mean(axis=1).astype("<i2").tobytes()
        audio = await self._to_server.resample(audio, frame.sample_rate, SPEECH_RATE)
        if audio:
            self._connection.push(audio)

    async def _on_sound(self, frame: AudioFrame) -> None:
        assert self._from_server is not None
        for part in self._from_server.resample(frame):
            audio = part.to_ndarray().tobytes()
            await self.push_frame(SpeechOutputAudioRawFrame(audio, self._out_rate, 1))

    async def _on_picture(self, frame: VideoFrame) -> None:
        image = await asyncio.to_thread(lambda: frame.to_ndarray(format="rgb24").tobytes())
        picture = OutputImageRawFrame(image, (frame.width, frame.height), "RGB")
        # Through the transport's queue of sound: the mouth stays with its words.
        picture.sync_with_audio = True
        await self.push_frame(picture)

    async def _on_lost(self, reason: str) -> None:
        if self._connection is not None:
            await self._disconnect()  # what is said from now on goes nowhere
            await self.push_error(
                error_msg=f"the avatar is gone: {reason}", force_treat_as_permanent=True
            )
