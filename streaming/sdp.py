"""Checks on an SDP offer before it reaches the WebRTC stack.

aiortc accepts some kinds of garbage and then keeps a peer connection that never connects; an
offer is refused here first, with a sentence that says what is missing.
"""

from __future__ import annotations

from typing import Final, Literal

from aiortc.rtcrtpparameters import RTCRtpParameters
from aiortc.sdp import SessionDescription

MAX_SDP: Final = 64_000
"""Bytes of an offer; a browser sends 2 to 8 kB."""

_MAX_SECTIONS: Final = 8
_VIDEO_CODECS: Final = ("VP8", "H264")

VideoCodecName = Literal["VP8", "H264"]


class BadOfferError(ValueError):
    """The offer cannot be answered; the message says why."""


class UnsupportedMediaError(BadOfferError):
    """The offer is well formed, but has no codec or direction that the server can serve."""


def check_offer(sdp: str) -> None:
    """Raise :class:`BadOfferError` unless ``sdp`` is an offer that the server can answer."""
    if len(sdp.encode()) > MAX_SDP:
        raise BadOfferError(f"the offer is larger than {MAX_SDP} bytes")
    if not sdp.startswith("v=0"):
        raise BadOfferError("the offer is not SDP: it does not start with v=0")
    try:
        description = SessionDescription.parse(sdp)
    except Exception as error:  # the parser raises whatever the garbage provokes
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
    wanted = [m for m in description.media if m.kind == "video" and m.direction != "sendonly"]
    if not wanted:
        raise UnsupportedMediaError("the offer has no video section that receives")
    names = {codec.name.upper() for media in wanted for codec in media.rtp.codecs}
    if not names.intersection(_VIDEO_CODECS):
        raise UnsupportedMediaError("the offer has neither VP8 nor H264 for video")


def negotiated_media(answer: str) -> dict[str, RTCRtpParameters]:
    """Codecs (the one to send first) and header extensions of each section of an answer that has
    any, by its ``mid``."""
    sections = SessionDescription.parse(answer).media
    return {media.rtp.muxId: media.rtp for media in sections if media.rtp.codecs}


def negotiated_video_codec(answer: str) -> VideoCodecName | None:
    """The first video codec of an answer: the one that the sender uses."""
    for media in SessionDescription.parse(answer).media:
        if media.kind == "video" and media.rtp.codecs:
            name = media.rtp.codecs[0].name.upper()
            if name == "VP8":
                return "VP8"
            if name == "H264":
                return "H264"
    return None
