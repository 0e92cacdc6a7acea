"""Peers whose clocks run faster or slower than ours: nothing drifts apart, nothing piles up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket, RtpPacket

from client.tap import StreamTap
from streaming.clock import PACKET, PACKET_SECONDS, SAMPLE_RATE, TICK, MediaClock
from streaming.playout import Pacing, Plan, Playout
from streaming.speech import MAX_LIVE_TICKS, SpeechBuffer

SKEWS = (-0.005, -0.001, 0.001, 0.005)
"""Seconds by which a clock gains on ours in a second."""

MINUTES = 2


@pytest.mark.parametrize("skew", SKEWS)
def test_a_microphone_is_heard_soon_and_nearly_whole(skew: float) -> None:
    speech = SpeechBuffer(lookahead=2)
    pcm = np.full(PACKET, 0.5, np.float32)
    ticks = MINUTES * 60 * SAMPLE_RATE // TICK
    sent = heard = 0
    longest = 0
    for tick in range(ticks):
        while sent * PACKET < (tick + 1) * TICK * (1 + skew):
            speech.push_live(pcm, SAMPLE_RATE)
            sent += 1
        taken = speech.take()
        heard += sum(span.count for span in taken.spans)
        live = speech._live
        assert live is not None
        longest = max(longest, live.audio.size)
    assert longest <= (MAX_LIVE_TICKS + 1) * TICK, "what waits does not grow"
    share = heard / (sent * PACKET)
    assert share > 1 - 1.5 * abs(skew) - 0.001, "only what the clocks differ by is missing"


class OverError(Exception):
    """The time of the test has passed."""


class Faces:
    """Has a picture for every tick."""

    def request(self, plan: Plan) -> None:
        pass

    def take(self, tick: int) -> np.ndarray:
        return np.zeros((2, 2), np.uint8)

    def rewind(self, tick: int) -> None:
        pass


@pytest.mark.parametrize("skew", SKEWS)
async def test_sound_and_pictures_leave_together_whatever_our_clock_does(skew: float) -> None:
    true = 0.0
    left: dict[str, list[tuple[float, float]]] = {"audio": [], "video": []}

    async def sleep(seconds: float) -> None:
        nonlocal true
        true += seconds / (1 + skew)
        if true > MINUTES * 60:
            raise OverError

    class Sent:
        def publish_audio(self, pts: int, pcm: np.ndarray) -> None:
            left["audio"].append((pts / SAMPLE_RATE, true))

        def publish_video(self, pts: int, image: np.ndarray) -> None:
            left["video"].append((pts / SAMPLE_RATE, true))

    clock = MediaClock(lambda: true * (1 + skew), sleep)
    playout = Playout(clock, SpeechBuffer(0), Faces(), Sent(), lambda cue: None, Pacing())
    with pytest.raises(OverError):
        await playout.run()
    assert clock.stalls == 0
    audio, video = (dict(left[kind]) for kind in ("audio", "video"))
    assert len(video) == pytest.approx(MINUTES * 60 * 25 * (1 + skew), abs=2)
    assert max(abs(at - audio[pts]) for pts, at in video.items()) == 0
    pts, at = left["audio"][-1]
    assert pts / at == pytest.approx(1 + skew, abs=2 * PACKET_SECONDS / at)


class Receiver:
    """What a tap listens to."""

    async def _handle_rtp_packet(self, packet: RtpPacket) -> None:
        pass

    async def _handle_rtcp_packet(self, packet: RtcpSrPacket) -> None:
        pass


@pytest.mark.parametrize("skew", SKEWS)
async def test_a_receiver_lines_up_the_tracks_of_a_sender_with_another_clock(skew: float) -> None:
    rates = {"audio": 48_000, "video": 90_000}
    receivers: dict[str, Any] = {kind: Receiver() for kind in rates}
    taps = {kind: StreamTap(receivers[kind], rate) for kind, rate in rates.items()}

    def sender(true: float) -> float:
        return 5_000.0 + true * (1 + skew)

    def ticks(kind: str, true: float) -> int:
        origin = {"audio": 4_294_900_000, "video": 77}[kind]  # the first wraps soon
        return (origin + round(sender(true) * rates[kind])) % (1 << 32)

    for second in range(MINUTES * 60):
        for kind in rates:
            for part in range(25):
                packet = RtpPacket(timestamp=ticks(kind, second + part / 25))
                await receivers[kind]._handle_rtp_packet(packet)
            info = RtcpSenderInfo(
                ntp_timestamp=round(sender(second + 0.5) * (1 << 32)),
                rtp_timestamp=ticks(kind, second + 0.5),
                packet_count=0,
                octet_count=0,
            )
            await receivers[kind]._handle_rtcp_packet(RtcpSrPacket(ssrc=1, sender_info=info))
    now = float(MINUTES * 60)
    for tap in taps.values():
        pts = sender(now) - sender(0)
        assert tap.sender_time(pts) == pytest.approx(sender(now), abs=1e-3)
        assert len(tap._arrivals) <= 1024


async def test_tracks_stay_together_for_days() -> None:
    """Where 32 bits of a clock of 90 kHz wrap after 13 hours, and after 6 look negative."""
    receiver: Any = Receiver()
    heard: list[float] = []
    tap = StreamTap(receiver, 90_000, lambda pts, arrival: heard.append(pts))
    for minute in range(30 * 60):
        now = minute * 60
        timestamp = (4_294_900_000 + now * 90_000) % (1 << 32)
        await receiver._handle_rtp_packet(RtpPacket(timestamp=timestamp))
        info = RtcpSenderInfo((5_000 + now) << 32, timestamp, 0, 0)
        await receiver._handle_rtcp_packet(RtcpSrPacket(ssrc=1, sender_info=info))
        assert heard[-1] == now
        assert tap.sender_time(now) == pytest.approx(5_000 + now)
