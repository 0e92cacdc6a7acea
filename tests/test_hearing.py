"""Sound from a peer: order, holes, and what survives loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.clock import PACKET, SAMPLE_RATE
from streaming.encoders import OpusEncoder
from streaming.hearing import MAX_BEHIND, MAX_FILL, OpusHearing, PacketOrder, Piece


def pushed(numbers: list[int], start: int = 0) -> list[int]:
    order = PacketOrder()
    due: list[Piece] = []
    for number in numbers:
        due += order.push((start + number) % 65_536, Piece(number, b""))
    return [piece.timestamp for piece in due]


@pytest.mark.parametrize("start", [0, 65_530])
def test_packets_come_out_at_once_and_in_order(start: int) -> None:
    assert pushed(list(range(20)), start) == list(range(20))
    assert pushed([0, 2, 1, 3, 5, 4], start) == [0, 1, 2, 3, 4, 5]


def test_a_lost_packet_is_given_up_and_costs_no_other() -> None:
    assert pushed([0, 1, 3, 4]) == [0, 1], "it may still come"
    assert pushed([0, 1, 3, 4, 5]) == [0, 1, 3, 4, 5]
    assert pushed([0, 1, 3, 4, 5, 2, 6]) == [0, 1, 3, 4, 5, 6], "too late"


def test_duplicates_are_heard_once() -> None:
    assert pushed([0, 0, 1, 1, 3, 3, 2, 2]) == [0, 1, 2, 3]


def test_another_stream_starts_anew() -> None:
    assert pushed([0, 1, 30_000, 30_001]) == [0, 1, 30_000, 30_001]


@given(st.permutations(range(12)), st.integers(0, 65_535))
def test_whatever_the_order_nothing_is_heard_twice_or_backwards(
    numbers: list[int], start: int
) -> None:
    due = pushed(numbers, start)
    assert due == sorted(set(due))
    assert len(due) >= 1


def hear(lost: set[int], count: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """A tone as it was sent and as it is heard without the packets ``lost``."""
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(count * PACKET) / SAMPLE_RATE)
    encoder = OpusEncoder()
    heard: list[np.ndarray] = []
    hearing = OpusHearing(lambda pcm, rate: heard.append(pcm))
    for number in range(count):
        pcm = tone[number * PACKET : (number + 1) * PACKET].astype(np.float32)
        for packet in encoder.encode(pcm, number * PACKET):
            if number not in lost:
                hearing.push(number, number * PACKET, bytes(packet))
    return tone, np.concatenate(heard)


def test_nothing_is_lost_on_a_good_network() -> None:
    tone, heard = hear(set())
    assert len(heard) == len(tone)
    assert np.sqrt((heard[SAMPLE_RATE:] ** 2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_tenth_lost_is_a_tenth_filled() -> None:
    lost = set(range(5, 95, 10))
    tone, heard = hear(lost)
    assert len(heard) == len(tone), "time does not shrink"
    clean = hear(set())[1]
    packets = (np.abs(heard - clean).reshape(-1, PACKET).max(1) > 0.1).nonzero()[0]
    # The decoder needs a packet or two after a hole to find its way back.
    assert set(packets) <= {number + after for number in lost for after in range(3)}
    assert len(packets) < 1.5 * len(lost)
    begins = np.array(sorted(lost)) * PACKET
    assert np.abs(heard[begins] - heard[begins - 1]).max() < 0.05, "it goes on where it was"


def test_a_pause_of_the_microphone_is_not_filled() -> None:
    heard: list[np.ndarray] = []
    hearing = OpusHearing(lambda pcm, rate: heard.append(pcm))
    (packet,) = OpusEncoder().encode(np.zeros(PACKET, np.float32), 0)
    hearing.push(0, 0, bytes(packet))
    hearing.push(1, 100 * SAMPLE_RATE, bytes(packet))
    assert sum(map(len, heard)) == 2 * PACKET
    hearing.push(2, 100 * SAMPLE_RATE + PACKET + MAX_FILL, bytes(packet))
    assert sum(map(len, heard)) == 3 * PACKET + MAX_FILL


def test_garbage_is_a_hole() -> None:
    heard: list[np.ndarray] = []
    hearing = OpusHearing(lambda pcm, rate: heard.append(pcm))
    (packet,) = OpusEncoder().encode(np.zeros(PACKET, np.float32), 0)
    for number in range(MAX_BEHIND + 1):
        hearing.push(number, number * PACKET, b"\xff\xff\xff" if number == 1 else bytes(packet))
    assert sum(map(len, heard)) == (MAX_BEHIND + 1) * PACKET
