"""SDP: checks of an offer before it reaches the WebRTC stack, and what an answer agrees on.

aiortc accepts some malformed offers and then keeps a peer connection that never connects; they are
refused here first, with a message that says what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from aiortc.codecs import CODECS
from aiortc.rtcpeerconnection import find_common_codecs
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpParameters
from aiortc.sdp import MediaDescription, SessionDescription

MAX_SDP: Final = 64_000
"""Bytes of an offer; a browser sends 2 to 8 kB."""

_MAX_SECTIONS: Final = 8

_DIRECTIONS: Final = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))
_TRANSPORT: Final = frozenset(
    ("ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup", "rtcp-mux")
)

VideoCodecName = Literal["VP8", "H264"]
_VIDEO_CODECS: Final[tuple[VideoCodecName, ...]] = get_args(VideoCodecName)


class BadOfferError(ValueError):
    """The offer cannot be answered; the message says why."""


class UnsupportedMediaError(BadOfferError):
    """The offer is well formed, but has no codec or direction that the server can serve."""


@dataclass(frozen=True, slots=True)
class MediaSection:
    """How the server serves one audio or video section of an offer."""

    kind: str
    """audio or video."""
    plays: bool
    """Whether the server sends the avatar's sound or picture in it."""
    hears: bool
    """Whether the server receives the client's sound in it."""

    @property
    def direction(self) -> str:
        """From the server's side."""
        if self.plays:
            return "sendrecv" if self.hears else "sendonly"
        return "recvonly" if self.hears else "inactive"


@dataclass(frozen=True, slots=True)
class CheckedOffer:
    """An offer that the server can answer."""

    sdp: str
    """The offer, with the optional lines added that aiortc requires."""
    sections: tuple[MediaSection, ...]
    """Its audio and video sections, in order."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was negotiated."""

    media: dict[str, RTCRtpParameters]
    """Codecs (the one to send comes first) and header extensions of the sections, by ``mid``."""
    video_codec: VideoCodecName | None
    """The codec of the video that is sent; None without video."""


def check_offer(sdp: str) -> CheckedOffer:
    """Parse and check an offer; raises :class:`BadOfferError` if it cannot be answered."""
    if len(sdp.encode()) > MAX_SDP:
        raise BadOfferError(f"the offer is larger than {MAX_SDP} bytes")
    if not sdp.startswith("v=0"):
        raise BadOfferError("the offer is not SDP: it does not start with v=0")
    sdp = _completed(sdp)
    try:
        description = SessionDescription.parse(sdp)
        names = {
            codec.name.upper() for media in _receiving(description) for codec in _common(media)
        }
    except Exception as error:  # the parser raises anything for malformed input
        raise BadOfferError(
            f"the offer is not valid SDP: {error or type(error).__name__}"
        ) from error
    if not description.media:
        raise BadOfferError("the offer has no media section (m= line)")
    if len(description.media) > _MAX_SECTIONS:
        raise BadOfferError(f"the offer has more than {_MAX_SECTIONS} media sections")
    for media in description.media:
        if media.dtls is None or not media.dtls.fingerprints:
            raise BadOfferError("the offer has no DTLS fingerprint (a=fingerprint)")
        if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
            raise BadOfferError("the offer has no ICE credentials (a=ice-ufrag, a=ice-pwd)")
    sound = [m for m in description.media if m.kind == "audio"]
    if sound and not any(codec.name.lower() == "opus" for m in sound for codec in m.rtp.codecs):
        raise UnsupportedMediaError("the offer has no Opus for sound")
    if not _receiving(description):
        raise UnsupportedMediaError("the offer has no video section that receives")
    if not names.intersection(_VIDEO_CODECS):
        raise UnsupportedMediaError(
            "the offer has neither VP8 nor H264 (constrained baseline, packetization-mode 1) for "
            "video"
        )
    return CheckedOffer(sdp, _served(description.media))


def read_answer(answer: str) -> Agreement:
    """What an answer of aiortc agrees on."""
    sections = SessionDescription.parse(answer).media
    sent = next(
        (m for m in sections if m.kind == "video" and m.direction == "sendonly" and m.rtp.codecs),
        None,
    )
    name = "" if sent is None else sent.rtp.codecs[0].name.upper()
    return Agreement(
        {m.rtp.muxId: m.rtp for m in sections if m.rtp.codecs},
        next((codec for codec in _VIDEO_CODECS if codec == name), None),
    )


def _served(sections: Sequence[MediaDescription]) -> tuple[MediaSection, ...]:
    """How the audio and video sections are served.

    Of several of a kind, the first one that receives is sent the avatar's media. The client's
    sound is taken from that section if it also sends, else from the first one that does.
    """
    media = [m for m in sections if m.kind in ("audio", "video")]
    sound = [m for m in media if m.kind == "audio"]
    video = [m for m in media if m.kind == "video"]
    heard, seen = (min(fit, key=_receives_not, default=None) for fit in (sound, video))
    speaking = [m for m in sound if m.direction in ("sendrecv", "sendonly")]
    hears = min(speaking, key=lambda m: m is not heard, default=None)
    return tuple(MediaSection(m.kind, m is heard or m is seen, m is hears) for m in media)


def _receives_not(media: MediaDescription) -> bool:
    return media.direction not in ("sendrecv", "recvonly")


def _completed(sdp: str) -> str:
    """``sdp`` with optional lines added that aiortc requires in every section: a direction
    (RFC 8866, 6.7) and, in ``bundle-only`` sections, the transport (RFC 9429, 5.2.1)."""
    session, *sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    if not 1 <= len(sections) <= _MAX_SECTIONS:
        return sdp
    usual = next((d for d in _attributes(session) if d in _DIRECTIONS), "sendrecv")
    shared = next((s for s in sections if "bundle-only" not in _attributes(s)), "")
    complete = [session]
    for section in sections:
        have = _attributes(section)
        more = []
        if section.startswith(("m=audio", "m=video")) and not have.keys() & _DIRECTIONS:
            more = [f"a={usual}"]
        if "bundle-only" in have:
            given = _attributes(shared)
            more += [given[name] for name in given if name in _TRANSPORT and name not in have]
        complete.append("\r\n".join((section.rstrip("\r\n"), *more)) + "\r\n")
    return "".join(complete)


def _attributes(section: str) -> dict[str, str]:
    """The attribute lines by name; the last one where a name occurs several times."""
    lines = (line for line in section.splitlines() if line.startswith("a="))
    return {line[2:].partition(":")[0]: line for line in lines}


def _receiving(description: SessionDescription) -> list[MediaDescription]:
    return [m for m in description.media if m.kind == "video" and m.direction != "sendonly"]


def _common(media: MediaDescription) -> list[RTCRtpCodecParameters]:
    """Codecs of a section that the server supports too."""
    return find_common_codecs(CODECS["video"], media.rtp.codecs)
