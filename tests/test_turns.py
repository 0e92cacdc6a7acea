"""Turn-taking, event by event, without a clock or an engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_server.conversation.turns import Action, TurnPolicy, TurnTaker


def kinds(actions: list[Action]) -> list[str]:
    return [action.kind for action in actions]


def speaking() -> TurnTaker:
    """A turn taker whose avatar is answering."""
    taker = TurnTaker()
    taker.typed("hello")
    taker.answer_started()
    assert taker.phase == "speaking"
    return taker


def test_a_turn_from_the_first_word_to_the_answer() -> None:
    taker = TurnTaker(TurnPolicy(patience=0.5))
    assert kinds(taker.speech_started(1.0)) == ["open"]
    assert kinds(taker.speech_ended(2.0)) == ["settle"]
    assert kinds(taker.transcript("what time is it", 2.3)) == ["prepare"]
    assert taker.deadline == 2.5
    assert taker.tick(2.4) == []
    commit = taker.tick(2.5)
    assert kinds(commit) == ["commit"]
    assert commit[0].text == "what time is it"
    assert taker.phase == "thinking"
    assert kinds(taker.answer_started()) == ["close"]
    assert taker.answer_ended() == []
    assert taker.phase == "listening"


def test_a_slow_transcript_commits_as_soon_as_it_is_there() -> None:
    taker = TurnTaker(TurnPolicy(patience=0.5))
    taker.speech_started(1.0)
    taker.speech_ended(2.0)
    assert kinds(taker.transcript("what time is it", 2.9)) == ["prepare", "commit"]


def test_a_policy_may_leave_it_to_others_to_ask_for_the_answer() -> None:
    taker = TurnTaker(TurnPolicy(patience=0.5, answers=False))
    taker.speech_started(1.0)
    taker.speech_ended(2.0)
    assert taker.transcript("what time is it", 2.3) == []
    assert kinds(taker.tick(2.5)) == ["commit", "close"]
    assert taker.phase == "listening"
    assert kinds(taker.asked()) == ["prepare", "commit"]
    assert taker.phase == "thinking"


def test_unfinished_words_are_given_more_time() -> None:
    taker = TurnTaker(TurnPolicy(patience=0.5, patience_unfinished=1.5))
    taker.speech_started(1.0)
    taker.speech_ended(2.0)
    taker.transcript("I would like to", 2.1)
    assert taker.tick(2.6) == []
    assert kinds(taker.tick(3.5)) == ["commit"]


def test_an_early_answer_is_dropped_without_trace_when_the_user_goes_on() -> None:
    taker = TurnTaker()
    taker.speech_started(1.0)
    taker.speech_ended(2.0)
    taker.transcript("tell me", 2.1)
    assert kinds(taker.speech_started(2.3)) == ["drop"]
    assert kinds(taker.speech_ended(3.0)) == ["settle"]
    assert kinds(taker.transcript("tell me a story", 3.1)) == ["prepare"]
    assert kinds(taker.tick(4.0)) == ["commit"]
    assert kinds(taker.speech_started(4.1)) == ["drop"], "even after it, while nothing is heard"
    assert taker.phase == "hearing"


def test_noise_without_words_is_no_turn() -> None:
    taker = TurnTaker()
    taker.speech_started(1.0)
    taker.speech_ended(1.3)
    assert kinds(taker.transcript("", 1.4)) == ["close"]
    assert taker.phase == "listening"


def test_a_voice_silences_the_avatar_at_once() -> None:
    taker = speaking()
    assert kinds(taker.speech_started(5.0)) == ["hold", "open"]


@pytest.mark.parametrize("words", ["mhm", "Yeah.", "", "oh okay"])
def test_a_backchannel_lets_it_go_on(words: str) -> None:
    taker = speaking()
    taker.speech_started(5.0)
    assert kinds(taker.speech_ended(5.4)) == ["settle"]
    assert kinds(taker.transcript(words, 5.5)) == ["close", "resume"]
    assert taker.phase == "speaking"


def test_real_words_end_its_turn() -> None:
    taker = speaking()
    taker.speech_started(5.0)
    taker.speech_ended(5.4)
    assert kinds(taker.transcript("wait a moment", 5.5)) == ["cut", "prepare"]
    assert taker.phase == "closing"


def test_words_in_a_partial_end_its_turn_early() -> None:
    taker = speaking()
    taker.speech_started(5.0)
    assert taker.partial("uh") == []
    assert kinds(taker.partial("uh no stop")) == ["cut"]
    assert taker.phase == "hearing"
    assert kinds(taker.speech_ended(6.0)) == ["settle"]


def test_a_partial_that_comes_after_the_words_leaves_them_a_turn() -> None:
    taker = speaking()
    taker.speech_started(5.0)
    assert kinds(taker.speech_ended(5.4)) == ["settle"]
    assert kinds(taker.partial("wait a moment")) == ["cut"]
    assert kinds(taker.transcript("wait a moment", 5.5)) == ["prepare"]
    assert kinds(taker.tick(5.9)) == ["commit"], "half a second after the words"


def test_words_after_a_backchannel_that_is_not_settled_yet_end_its_turn_in_time() -> None:
    taker = speaking()
    taker.speech_started(5.0)
    taker.speech_ended(5.3)
    assert taker.speech_started(5.6) == []
    assert kinds(taker.tick(6.4)) == ["cut"]


def test_long_speech_is_no_backchannel() -> None:
    taker = speaking()
    taker.speech_started(5.0)
    assert taker.deadline == pytest.approx(5.8)
    assert taker.tick(5.7) == []
    assert kinds(taker.tick(5.8)) == ["cut"]
    assert taker.phase == "hearing"


def test_a_protected_greeting_is_said_to_the_end() -> None:
    taker = TurnTaker()
    taker.greet(protected=True)
    assert taker.speech_started(0.5) == [], "not even before its first sound"
    taker.answer_started()
    assert taker.speech_started(1.0) == []
    taker.speech_ended(1.5)
    assert taker.answer_ended() == []
    assert kinds(taker.speech_started(2.0)) == ["open"]


def test_who_still_speaks_when_the_protected_words_end_is_heard() -> None:
    taker = TurnTaker()
    taker.greet(protected=True)
    taker.answer_started()
    taker.speech_started(1.0)
    assert kinds(taker.answer_ended()) == ["open"]
    assert taker.phase == "hearing"
    assert kinds(taker.speech_ended(2.0)) == ["settle"]


def test_a_protected_greeting_without_a_word_protects_nothing_else() -> None:
    taker = TurnTaker()
    taker.greet(protected=True)
    taker.answer_ended()
    taker.speech_started(1.0)
    taker.speech_ended(2.0)
    taker.transcript("what time is it", 2.1)
    taker.tick(3.0)
    taker.answer_started()
    assert kinds(taker.speech_started(4.0)) == ["hold", "open"]


def test_a_greeting_waits_for_whoever_speaks_first() -> None:
    taker = TurnTaker()
    taker.greet(protected=False)
    assert kinds(taker.speech_started(0.5)) == ["hold", "open"]
    assert kinds(taker.partial("good morning")) == ["cut"]
    taker = TurnTaker()
    taker.greet(protected=True)
    assert kinds(taker.typed("hello")) == ["drop", "prepare", "commit"]
    taker.answer_started()
    assert kinds(taker.speech_started(1.0)) == ["hold", "open"], "only the greeting is protected"


def test_noise_does_not_undo_what_was_written() -> None:
    taker = TurnTaker()
    taker.typed("hello")
    assert kinds(taker.speech_started(0.5)) == ["hold", "open"]
    taker.speech_ended(0.7)
    assert kinds(taker.transcript("", 0.9)) == ["close", "resume"]
    assert taker.phase == "thinking"


def test_speech_that_nobody_can_recognise_leaves_things_as_they_were() -> None:
    listening = TurnTaker()
    listening.speech_started(1.0)
    assert kinds(listening.unheard()) == ["close"]
    assert listening.phase == "listening"
    talking = speaking()
    talking.speech_started(1.0)
    assert kinds(talking.unheard()) == ["close", "resume"]
    assert talking.phase == "speaking"


def test_barge_in_can_be_switched_off() -> None:
    taker = TurnTaker(TurnPolicy(barge_in=False))
    taker.typed("hi")
    taker.answer_started()
    assert taker.speech_started(1.0) == []


def test_the_button_works_in_every_phase() -> None:
    listening = TurnTaker()
    assert listening.stop("button") == []
    hearing = TurnTaker()
    hearing.speech_started(1.0)
    assert kinds(hearing.stop("button")) == ["close"]
    thinking = TurnTaker()
    thinking.typed("hi")
    assert kinds(thinking.stop("button")) == ["drop"]
    talking = speaking()
    (cut,) = talking.stop("button")
    assert (cut.kind, cut.reason) == ("cut", "button")
    held = speaking()
    held.speech_started(1.0)
    assert kinds(held.stop("button")) == ["cut", "close"]
    for taker in (hearing, thinking, talking, held):
        assert taker.phase == "listening"


def test_the_answer_ends_while_the_user_speaks_over_it() -> None:
    taker = speaking()
    taker.speech_started(5.0)
    assert kinds(taker.answer_ended()) == ["resume"], "nothing is held back any more"
    assert taker.phase == "hearing"
    assert kinds(taker.speech_ended(6.0)) == ["settle"]


def test_an_answer_that_fails_after_words_over_it_leaves_them_a_turn() -> None:
    taker = TurnTaker()
    taker.typed("hello")
    taker.speech_started(5.0)
    taker.speech_ended(5.4)
    assert kinds(taker.answer_ended()) == ["resume"]
    assert kinds(taker.transcript("what time is it", 5.5)) == ["prepare"]


EVENTS = st.sampled_from(
    "started ended partial nothing words mhm typed stop greet begun done".split()
)


@given(st.lists(st.tuples(EVENTS, st.floats(0.0, 2.0)), max_size=40))
def test_any_order_of_events_keeps_the_books_balanced(events: list[tuple[str, float]]) -> None:
    """The recogniser is opened and closed in turn; held sound is resumed or cut."""
    taker, now = TurnTaker(), 0.0
    recognising = held = False
    for event, passed in events:
        now += passed
        actions = taker.tick(now)
        match event:
            case "started":
                actions += taker.speech_started(now)
            case "ended":
                actions += taker.speech_ended(now)
            case "partial":
                actions += taker.partial("hello there")
            case "nothing" | "words" | "mhm":
                text = {"nothing": "", "words": "so it is", "mhm": "mhm"}[event]
                actions += taker.transcript(text, now)
            case "typed":
                actions += taker.typed("hi")
            case "stop":
                actions += taker.stop("button")
            case "begun":
                actions += taker.answer_started()
            case "greet" if not actions and taker.phase == "listening":
                taker.greet(protected=True)
            case "done":
                actions += taker.answer_ended()
        for action in actions:
            if action.kind == "open":
                assert not recognising
                recognising = True
            elif action.kind == "close":
                assert recognising
                recognising = False
            elif action.kind == "hold":
                assert not held
                held = True
            elif action.kind in ("resume", "cut"):
                held = False
        assert held == (taker.phase == "held")
        assert recognising or taker.phase in ("listening", "thinking", "speaking")
