"""One WebRTC peer: negotiation, the data channel, and the reception of its sound."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Final, Protocol

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp

from streaming.broadcast import Viewer
from streaming.feedback import follow_feedback
from streaming.hearing import hear
from streaming.protocol import Candidate
from streaming.resample import FloatArray
from streaming.sdp import (
    Agreement,
    BadOfferError,
    MediaSection,
    VideoCodecName,
    check_offer,
    read_answer,
)

log = logging.getLogger(__name__)

IceServers = Sequence[RTCIceServer]

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that closing a connection may take."""

_OPUS: Final = RTCRtpCodecCapability(mimeType="audio/opus", clockRate=48_000, channels=2)

MAX_CHANNEL_BACKLOG: Final = 256 * 1024
"""Bytes that may wait on the data channel; a client that reads slower loses the newest events."""


class NoPortError(RuntimeError):
    """There is no UDP port for media; the message says what to do."""


class PeerListener(Protocol):
    """Callbacks of a peer to its session, on the event loop."""

    def on_open(self) -> None:
        """The data channel is open: events can be sent."""

    def on_message(self, message: str | bytes) -> None:
        """The client sent a message on the data channel."""

    def on_sound(self, pcm: FloatArray, rate: int) -> None:
        """The client's microphone: mono float32 [n] at ``rate`` Hz."""

    def on_state(self, state: str) -> None:
        """The connection reached a state of ``RTCPeerConnection.connectionState``."""

    def on_closed(self, reason: str) -> None:
        """The connection is gone, whoever ended it; called once."""


class Peer:
    """A connection that carries the streams of ``viewer``."""

    def __init__(
        self,
        viewer: Viewer,
        listener: PeerListener,
        ice_servers: IceServers = (),
        connect_timeout: float = 15.0,
    ) -> None:
        self._viewer = viewer
        self._listener = listener
        self._connect_timeout = connect_timeout
        self._channel: RTCDataChannel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        # An empty list, unlike None, keeps aiortc from using a public STUN server.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=list(ice_servers)))
        self._connection.on("connectionstatechange", self._on_state)
        self._connection.on("datachannel", self._on_channel)

    async def answer(self, offer: str) -> str:
        """Negotiate; returns the answer with all candidates of the server.

        Raises :class:`BadOfferError` for an offer that cannot be answered, and
        :class:`NoPortError` where this end has no candidate to offer. The peer closes itself when
        the connection is not up within the connect timeout.
        """
        checked = check_offer(offer)
        try:
            # Before the offer: aiortc pairs transceivers with its sections in order.
            for section in checked.sections:
                self._add(section)
            await self._connection.setRemoteDescription(RTCSessionDescription(checked.sdp, "offer"))
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except Exception as error:  # aiortc raises many kinds for offers that do not fit
            await self._release()
            raise BadOfferError(f"the offer cannot be answered: {error}") from error
        answer: str = self._connection.localDescription.sdp
        if "a=candidate:" not in answer:
            # aioice silently skips addresses on which it gets no port.
            await self._release()
            raise NoPortError(
                "the server has no UDP port for media: udp_ports are taken, or it has no network"
            )
        agreed = read_answer(answer)
        self._connect_streams(agreed)
        self._viewer.codec = agreed.video_codec
        self._start(self._limit_connecting())
        return answer

    async def add_candidates(self, candidates: Sequence[Candidate]) -> None:
        """Add candidates that the client found after its offer (trickle ICE).

        Raises :class:`BadOfferError` for a line that is no candidate.
        """
        for item in candidates:
            line = item.candidate.removeprefix("candidate:")
            if not line:
                await self._connection.addIceCandidate(None)
                continue
            try:
                candidate = candidate_from_sdp(line)
            except (ValueError, IndexError, AssertionError) as error:
                raise BadOfferError(f"not an ICE candidate: {line[:80]!r}") from error
            candidate.sdpMid = item.sdp_mid
            candidate.sdpMLineIndex = item.sdp_mline_index
            if candidate.sdpMid is None and candidate.sdpMLineIndex is None:
                candidate.sdpMLineIndex = 0
            await self._connection.addIceCandidate(candidate)

    def send(self, message: str) -> None:
        """Send an event if the channel is open and its reader keeps up."""
        channel = self._channel
        if (
            channel is not None
            and channel.readyState == "open"
            and channel.bufferedAmount < MAX_CHANNEL_BACKLOG
        ):
            channel.send(message)

    @property
    def path(self) -> tuple[str, str] | None:
        """Types of the nominated candidates, ours and theirs: host, srflx, prflx or relay; None
        while there is no connection."""
        # All sections share one transport; aiortc has no public access to the nominated pair.
        for transceiver in self._connection.getTransceivers():
            dtls = transceiver.receiver.transport
            if dtls is not None:
                for pair in dtls.transport._connection._nominated.values():
                    return pair.local_candidate.type, pair.remote_candidate.type
        return None

    @property
    def codec(self) -> VideoCodecName | None:
        """The negotiated video codec; None before the answer, and without video."""
        return self._viewer.codec

    @property
    def closed(self) -> bool:
        """Whether the connection is over or closing."""
        return self._closing is not None

    def close(self, reason: str = "closed by the server") -> asyncio.Task[None]:
        """Start closing, if it has not begun; the returned task ends when it is closed."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(reason), name="peer-close")
        return self._closing

    def _add(self, section: MediaSection) -> None:
        """Add a transceiver for a section of the offer, with the direction that is served."""
        viewer = self._viewer
        stream = viewer.audio if section.kind == "audio" else viewer.video
        transceiver = self._connection.addTransceiver(
            stream.track if section.plays else section.kind, section.direction
        )
        if section.kind == "audio" and (section.plays or section.hears):
            transceiver.setCodecPreferences([_OPUS])
        if section.hears:
            hear(transceiver.receiver, self._listener.on_sound)
        if section.kind == "video" and section.plays:
            follow_feedback(transceiver.sender, viewer)

    def _connect_streams(self, agreed: Agreement) -> None:
        """Connect the viewer's streams with the senders that were negotiated for them."""
        for stream in (self._viewer.audio, self._viewer.video):
            for transceiver in self._connection.getTransceivers():
                if transceiver.sender.track is stream.track and transceiver.mid in agreed.media:
                    stream.connect(transceiver.sender, agreed.media[transceiver.mid])

    # --- events of the connection -------------------------------------------------------------

    def _on_state(self) -> None:
        state = self._connection.connectionState
        self._listener.on_state(state)
        if state in ("failed", "closed"):
            self.close("the connection was lost" if state == "failed" else "the client left")

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._channel is not None:
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._listener.on_message)
        self._listener.on_open()

    async def _limit_connecting(self) -> None:
        await asyncio.sleep(self._connect_timeout)
        if self._connection.connectionState != "connected":
            self.close(f"no connection within {self._connect_timeout:g} s")

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self, reason: str) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            # A connection that is closed in the middle of negotiating may never finish closing.
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._release()
        except TimeoutError:
            log.warning("a connection did not close within %g s", CLOSE_TIMEOUT)
        finally:
            self._listener.on_closed(reason)

    async def _release(self) -> None:
        """Close the connection with all its sockets."""
        try:
            await self._connection.close()
        except AttributeError:
            # aiortc fails on sections of a refused offer that never got a transport, and leaves
            # the transports of the others open.
            log.debug("the connection was closed part by part")
            parts = [t.receiver for t in self._connection.getTransceivers()]
            for part in (*parts, self._connection.sctp):
                dtls = part.transport if part is not None else None
                if dtls is not None:
                    await dtls.stop()
                    if dtls.transport is not None:
                        await dtls.transport.stop()
