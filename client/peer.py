"""A viewer without a screen: connects, speaks the events, keeps what it receives.

    async with Peer.connect("http://127.0.0.1:8080") as peer:
        await peer.first_frame()
        utterance = peer.say("Hello!")
        await peer.spoken(utterance)
        peer.audio, peer.video        # what came, and when

Everything runs on one event loop, except that aiortc decodes pictures in threads. All times are
those of ``time.monotonic()``.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av import AudioFrame, VideoFrame

from client.events import EventT, Heard, find_event
from client.frames import SoundDecoder, take_frames
from client.http import ConnectError, Signalling
from client.media import (
    AUDIO_RATE,
    VIDEO_CLOCK,
    Picture,
    Sink,
    Sound,
    first_channel,
    lower_face,
)
from client.microphone import ArrayMicrophone
from client.tap import StreamTap
from streaming.protocol import (
    CHANNEL_LABEL,
    ClientEvent,
    Converse,
    Express,
    Interrupt,
    Microphone,
    Offer,
    Ping,
    Ready,
    Say,
    Speaking,
    read_server_event,
)

_WAITING_PACKETS: Final = 64
"""Packets of video that wait for one that is missing."""

FoundT = TypeVar("FoundT")
MediaT = TypeVar("MediaT", Sound, Picture)


ArrivalListener = Callable[[Literal["audio", "video"], float, float], None]
"""Gets the kind, pts and arrival of every frame of video, decoded or not, and of every packet of
sound, as it comes."""


class Peer:
    """One connection; made by :meth:`connect`."""

    def __init__(
        self,
        connection: RTCPeerConnection,
        history: float,
        decode_video: bool,
        on_frame: ArrivalListener | None,
    ) -> None:
        self.audio: deque[Sound] = deque()
        self.video: deque[Picture] = deque()
        self.events: list[Heard] = []
        self.sinks: list[Sink] = []
        self.began = time.monotonic()
        """When connecting began."""
        self.pc_id: str | None = None
        """The server's name of the connection, once it has answered the offer."""
        self.waited = 0.0
        """Seconds spent in the queue of a full server."""
        self._history = history
        self._on_frame = on_frame
        self._connection = connection
        self._changed = asyncio.Event()
        self._utterances = 0
        self._dropped = False
        self._tasks: list[asyncio.Task[None]] = []
        self._microphone = ArrayMicrophone()
        audio = connection.addTransceiver(self._microphone, "sendrecv")
        video = connection.addTransceiver("video", "recvonly")
        self.audio_clock = StreamTap(audio.receiver, AUDIO_RATE, self._on_sound_packet)
        self.video_clock = StreamTap(video.receiver, VIDEO_CLOCK)
        # aiortc waits for a lost packet until 512 came after it, which on a slow link takes half a
        # minute; browsers ask for a whole picture within a second or two.
        video.receiver._RTCRtpReceiver__jitter_buffer = JitterBuffer(  # type: ignore[attr-defined]
            capacity=_WAITING_PACKETS, is_video=True
        )
        take_frames(audio.receiver, SoundDecoder(self._on_sound).decode)
        if not decode_video:
            take_frames(video.receiver, self._on_undecoded)
        self._channel = connection.createDataChannel(CHANNEL_LABEL)
        self._channel.on("message", self._on_message)
        connection.on("track", self._on_track)
        connection.on("connectionstatechange", self._wake)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        token: str | None = None,
        avatar: str | None = None,
        size: int | None = None,
        history: float = 120.0,
        decode_video: bool = True,
        on_frame: ArrivalListener | None = None,
        signalling: Signalling | None = None,
        timeout: float = 15.0,
        resume: str | None = None,
        session: str | None = None,
        persona: str | None = None,
        wait: float = 0.0,
    ) -> AsyncGenerator[Peer]:
        """Connect to the server at ``url``, and end the session on leaving.

        ``signalling`` replaces the usual way to exchange offer and answer. ``resume`` is the
        ``pc_id`` of a connection that was lost: if its session still waits, this is its new one.
        ``session`` is a running session to join instead of one's own. ``size`` is the wished width
        of the pictures, see :attr:`ready` for what they are.
        With a full server it waits in the queue, for at most ``wait`` seconds.

        ``history`` is how many seconds of media are kept (half a megabyte each). Without
        ``decode_video``, pictures only reach ``on_frame``, at a fraction of the cost. Raises
        :class:`ConnectError` when the server is not there, refuses, or cannot be reached with
        media within ``timeout`` seconds.
        """
        async with signalling or Signalling(url, token, wait=wait) as signalling:
            # An empty list, unlike None, keeps aiortc from asking a public STUN server.
            servers = await signalling.ice_servers()
            connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
            peer = cls(connection, history, decode_video, on_frame)
            try:
                await connection.setLocalDescription(await connection.createOffer())
                sdp: str = connection.localDescription.sdp
                if "a=candidate" not in sdp:
                    raise ConnectError(
                        "no_address",
                        "this machine has no network address besides 127.0.0.1, which WebRTC "
                        "does not use; bring a network interface up",
                    )
                answer = await signalling.offer(
                    Offer(
                        sdp=sdp,
                        type="offer",
                        avatar=avatar,
                        persona=persona,
                        size=size,
                        pc_id=resume,
                        session=session,
                    )
                )
                peer.pc_id = answer.pc_id
                peer.waited = signalling.waited
                await connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
                await peer._wait_ready(timeout)
                yield peer
            finally:
                await peer._close()
                if peer.pc_id is not None and not peer._dropped:
                    await signalling.end(peer.pc_id)

    async def drop(self) -> None:
        """Lose the connection without telling the server, whose session waits for a while."""
        self._dropped = True
        await self._close()

    # --- what the server is told --------------------------------------------------------------

    def say(self, text: str, utterance: str | None = None) -> str:
        """Have ``text`` spoken; returns the utterance's name in events."""
        self._utterances += 1
        name = utterance or f"u{self._utterances}"
        self.send(Say(text=text, utterance=name))
        return name

    def interrupt(self) -> None:
        self.send(Interrupt())

    def express(self, emotion: str, intensity: float = 1.0) -> None:
        self.send(Express(emotion=emotion, intensity=intensity))

    def move(
        self, *, head: float | None = None, guidance: float | None = None, seed: int | None = None
    ) -> None:
        """Change how the face moves from now on; parameters left out keep their values."""
        self.send(Express(head=head, guidance=guidance, seed=seed))

    def ping(self, number: int) -> None:
        self.send(Ping(id=number))

    def microphone(self, on: bool) -> None:
        """Switch the mode in which the avatar speaks what :meth:`play` sends."""
        self.send(Microphone(on=on))

    def converse(self, on: bool = True, persona: str | None = None) -> None:
        """Begin or end a conversation with what :meth:`play` sends."""
        self.send(Converse(on=on, persona=persona))

    def play(self, pcm: npt.NDArray[np.float32], rate: int) -> float:
        """Send mono ``pcm [n]`` at ``rate`` Hz as the microphone, in real time, after what is
        being sent; returns the seconds until all of it is sent."""
        return self._microphone.play(pcm, rate)

    # --- waiting ------------------------------------------------------------------------------

    @property
    def ready(self) -> Ready:
        """What this session is."""
        found = find_event(self.events, Ready, lambda event: True, 0.0)
        if found is None:
            raise ConnectError("not_connected", "the server has not said that it is ready")
        return found[1]

    async def first_frame(self, timeout: float = 15.0) -> Picture:
        """Wait for a picture; raises TimeoutError, as all waiting does."""
        return await self._until(lambda: self.video[0] if self.video else None, timeout)

    async def event(
        self,
        kind: type[EventT],
        where: Callable[[EventT], bool] = lambda event: True,
        *,
        after: float = 0.0,
        timeout: float = 15.0,
    ) -> tuple[float, EventT]:
        """The first event of a kind that arrived after ``after``, with its arrival."""
        return await self._until(lambda: find_event(self.events, kind, where, after), timeout)

    async def spoken(self, utterance: str, timeout: float = 120.0) -> tuple[float, Speaking]:
        """Wait until an utterance has ended, finished or interrupted."""
        return await self.event(
            Speaking,
            lambda event: not event.on and event.utterance == utterance,
            timeout=timeout,
        )

    @property
    def connected(self) -> bool:
        return bool(self._connection.connectionState == "connected")

    async def disconnected(self, timeout: float = 60.0) -> None:
        """Wait until the server has ended the connection."""
        await self._until(lambda: True if not self.connected else None, timeout)

    async def _until(self, find: Callable[[], FoundT | None], timeout: float) -> FoundT:
        async with asyncio.timeout(timeout):
            while (found := find()) is None:
                for task in self._tasks:  # what receiving raised is not to be waited out
                    if task.done() and not task.cancelled() and (error := task.exception()):
                        raise error
                await self._changed.wait()
            return found

    async def _wait_ready(self, timeout: float) -> None:
        try:
            await self.event(Ready, timeout=timeout)
        except TimeoutError as error:
            raise ConnectError(
                "no_path",
                f"no media path to the server within {timeout:g} s; a firewall may block UDP",
            ) from error

    # --- receiving ----------------------------------------------------------------------------

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def send(self, event: ClientEvent) -> None:
        """Send any event; raises :class:`ConnectError` when the connection is gone."""
        if self._channel.readyState != "open":
            raise ConnectError("not_connected", "the connection to the avatar is gone")
        self._channel.send(event.model_dump_json())

    def _on_message(self, message: str | bytes) -> None:
        self.events.append(Heard(time.monotonic(), read_server_event(message)))
        self._wake()

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            return  # taken before aiortc would decode it
        task = asyncio.create_task(_until_ended(self._receive_video, track))
        task.add_done_callback(lambda _: self._wake())
        self._tasks.append(task)

    def _on_sound(self, frame: AudioFrame) -> None:
        if frame.pts is None:
            return
        arrival = self.audio_clock.arrival(frame.pts)
        pts = frame.pts / AUDIO_RATE
        self._keep(self.audio, Sound(arrival, pts, first_channel(frame)))
        for sink in self.sinks:
            sink.write_audio(frame, pts, arrival)

    async def _receive_video(self, track: MediaStreamTrack) -> None:
        frame = await track.recv()
        if not isinstance(frame, VideoFrame) or frame.pts is None:
            return
        arrival = self.video_clock.arrival(frame.pts)
        pts = frame.pts / VIDEO_CLOCK
        self._keep(self.video, Picture(arrival, pts, lower_face(frame)))
        self._announce("video", pts, arrival)
        for sink in self.sinks:
            sink.write_video(frame, pts, arrival)

    def _on_undecoded(self, codec: RTCRtpCodecParameters, frame: JitterFrame) -> None:
        at = frame.timestamp
        self._announce("video", at / VIDEO_CLOCK, self.video_clock.arrival(at))

    def _on_sound_packet(self, pts: float, arrival: float) -> None:
        self._announce("audio", pts, arrival)

    def _announce(self, kind: Literal["audio", "video"], pts: float, arrival: float) -> None:
        if self._on_frame is not None:
            self._on_frame(kind, pts, arrival)

    def _keep(self, kept: deque[MediaT], item: MediaT) -> None:
        kept.append(item)
        limit = time.monotonic() - self._history
        # The newest stays, however late it was handled.
        while len(kept) > 1 and kept[0].arrival < limit:
            kept.popleft()
        if len(kept) == 1:
            self._wake()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._connection.close()


async def _until_ended(
    receive: Callable[[MediaStreamTrack], Awaitable[None]], track: MediaStreamTrack
) -> None:
    try:
        while True:
            await receive(track)
    except MediaStreamError:
        return  # the server ended the track
