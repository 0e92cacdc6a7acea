"""The line in front of a full server."""

from __future__ import annotations

from avatar_server.waiting import TICKET_SECONDS, WaitingLine


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(line: WaitingLine, client: str) -> str:
    ticket = line.offer(client)
    assert ticket
    assert line.ask(ticket, free=0)
    return ticket


def test_a_ticket_lasts_while_it_is_asked_for() -> None:
    clock = Clock()
    line = WaitingLine(10, clock)
    first, second = taken(line, "anna"), taken(line, "bob")
    for _ in range(10):
        clock.now += 0.9 * TICKET_SECONDS
        assert line.ask(second, free=0) in (1, 2)
    assert line.ask(first, free=0) is None
    assert line.ask(second, free=0) == 1
    assert len(line) == 1


def test_a_turn_that_is_not_taken_passes_however_often_one_asks() -> None:
    clock = Clock()
    line = WaitingLine(10, clock)
    first, second = taken(line, "anna"), taken(line, "bob")
    asked = []
    while clock.now <= TICKET_SECONDS:
        asked.append((line.ask(first, free=1), line.ask(second, free=1)))
        clock.now += TICKET_SECONDS / 4
    assert asked == [(1, 2)] * 4 + [(None, 1)]


def test_a_ticket_that_nobody_asks_for_is_no_place() -> None:
    clock = Clock()
    line = WaitingLine(2, clock)
    unaware = [line.offer("anna") for _ in range(50)]
    assert all(unaware)
    assert (len(line), line.held_by("anna")) == (0, 0)
    late = line.offer("anna")
    assert late
    clock.now += TICKET_SECONDS
    assert line.ask(late, free=0) is None


def test_the_line_is_bounded_and_knows_whose_tickets_it_holds() -> None:
    line = WaitingLine(2)
    ticket, late = taken(line, "anna"), line.offer("bob")
    assert late
    taken(line, "anna")
    assert line.offer("bob") is None
    assert line.ask(late, free=0) is None, "the line was full before it was asked for"
    assert (line.held_by("anna"), line.held_by("bob")) == (2, 0)
    line.leave(ticket)
    line.leave(ticket)
    assert line.ask(late, free=0) == 2
