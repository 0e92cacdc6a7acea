"""Endpointing: what counts as speech, and that chunking changes nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from avatar_server.conversation.endpointing import (
    Endpointer,
    EndpointPolicy,
    EndpointState,
    SpeechDetector,
    SpeechEvent,
)
from avatar_server.conversation.silero import SileroVad
from avatar_server.conversation.vad import VAD_FRAME
from tests.voices import silence, spoken

probabilities = st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.49, 0.5, 0.9]), max_size=200)
durations = st.integers(1, 12).map(lambda frames: frames * 0.032)
policies = st.builds(EndpointPolicy, min_speech=durations, min_silence=durations)


def events_of(policy: EndpointPolicy, stream: list[float]) -> list[SpeechEvent]:
    machine, state, events = Endpointer(policy), EndpointState(), []
    for probability in stream:
        event, state = machine.step(state, probability)
        if event is not None:
            events.append(event)
    return events


@given(policies, probabilities)
def test_events_alternate_and_keep_the_delays(policy: EndpointPolicy, stream: list[float]) -> None:
    events = events_of(policy, stream)
    assert [event.kind for event in events] == ["started", "ended"] * (len(events) // 2) + [
        "started"
    ] * (len(events) % 2)
    wanted = {"started": policy.min_speech, "ended": policy.min_silence}
    for event in events:
        assert event.noticed - event.sample == round(wanted[event.kind] * 16_000)
    for before, after in pairwise(events):
        assert before.noticed <= after.sample
    for event in events:
        first, last = event.sample // VAD_FRAME, event.noticed // VAD_FRAME
        turned = stream[first:last]
        if event.kind == "started":
            assert turned[0] >= 0.5
            assert min(turned) >= 0.35
        else:
            assert turned[0] < 0.35
            assert max(turned) < 0.5


@given(policies, probabilities)
def test_nothing_long_enough_is_missed(policy: EndpointPolicy, stream: list[float]) -> None:
    """A run of clear speech or clear silence of the wanted length decides what is the case."""
    machine, state = Endpointer(policy), EndpointState()
    run = 0
    for i, probability in enumerate(stream):
        loud = probability >= 0.5
        quiet = probability < 0.35
        before = stream[i - 1] if i else 0.4
        same = (loud and before >= 0.5) or (quiet and before < 0.35)
        run = run + 1 if same else int(loud or quiet)
        _, state = machine.step(state, probability)
        if loud and run >= round(policy.min_speech / 0.032):
            assert state.speaking
        if quiet and run >= round(policy.min_silence / 0.032):
            assert not state.speaking


def test_a_cough_and_a_gap_are_ignored() -> None:
    policy = EndpointPolicy(min_speech=0.128, min_silence=0.16)
    cough = [0.9] * 3 + [0.0] * 10
    assert events_of(policy, cough) == []
    stream = [0.9] * 10 + [0.0] * 4 + [0.9] * 10 + [0.0] * 5
    assert events_of(policy, stream) == [
        SpeechEvent("started", 0, 4 * VAD_FRAME),
        SpeechEvent("ended", 24 * VAD_FRAME, 29 * VAD_FRAME),
    ]


def test_chunking_changes_nothing() -> None:
    detector = SpeechDetector(SileroVad())
    sound = np.concatenate(
        [silence(0.5), spoken("Good morning."), silence(0.8), spoken("Who is there?"), silence(0.6)]
    )
    whole, _ = detector.step(detector.init_state(), sound)
    assert [event.kind for event in whole] == ["started", "ended", "started", "ended"]

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.integers(0, len(sound)), max_size=30))
    def check(cuts: list[int]) -> None:
        state = detector.init_state()
        events: list[SpeechEvent] = []
        for chunk in np.split(sound, sorted(cuts)):
            found, state = detector.step(state, chunk)
            events += found
        assert tuple(events) == whole

    check()


def test_speech_is_found_where_it_is() -> None:
    speech = spoken("How do you do, my dear friend?")
    sound = np.concatenate([silence(1.0), speech, silence(1.0)])
    detector = SpeechDetector(SileroVad())
    (started, ended), _ = detector.step(detector.init_state(), sound)
    assert abs(started.sample / 16_000 - 1.0) < 0.15
    assert started.noticed / 16_000 < 1.3
    assert abs(ended.sample - 16_000 - len(speech)) / 16_000 < 0.25


def test_thresholds_must_be_ordered() -> None:
    with pytest.raises(ValidationError, match="release"):
        EndpointPolicy(threshold=0.3, release=0.4)
