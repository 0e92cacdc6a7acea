"""Admission: how many sessions run, and who is next."""

from __future__ import annotations

import asyncio

import pytest

from avatar_server.admission import Admission, ClientLimitError, DrainingError, ServerFullError
from avatar_server.clients import Client
from avatar_server.session_limit import SessionLimit
from avatar_server.waiting import WaitingLine
from streaming.protocol import QueuePlace

ANNA, BOB, CLARA = Client("anna"), Client("bob"), Client("clara")


def admitting(
    sessions: int, per_client: int | None = None, line: WaitingLine | None = None
) -> Admission:
    return Admission(SessionLimit.fixed(sessions), per_client, line)


async def test_a_place_that_was_left_can_be_taken_again() -> None:
    admission = admitting(2)
    await admission.enter(ANNA)
    await admission.enter(BOB)
    assert not admission.open
    with pytest.raises(ServerFullError, match="all 2"):
        await admission.enter(BOB)
    assert admission.running == 2, "a refused client takes no place"
    admission.leave(ANNA)
    await admission.enter(BOB)


async def test_one_client_cannot_take_all_places() -> None:
    admission = admitting(10, per_client=2)
    await admission.enter(ANNA)
    await admission.enter(ANNA)
    with pytest.raises(ClientLimitError):
        await admission.enter(ANNA)
    await admission.enter(BOB)
    admission.leave(ANNA)
    await admission.enter(ANNA)


async def test_a_draining_server_takes_nobody() -> None:
    admission = admitting(10)
    admission.drain()
    assert not admission.open
    with pytest.raises(DrainingError):
        await admission.enter(ANNA)


async def refused(admission: Admission, client: Client, ticket: str | None = None) -> str:
    """The ticket that a refused client gets."""
    with pytest.raises(ServerFullError) as error:
        await admission.enter(client, ticket)
    assert error.value.queue is not None
    asked = admission.ask(error.value.queue.ticket)
    assert asked == error.value.queue
    return asked.ticket


async def test_who_came_first_is_served_first() -> None:
    admission = admitting(1, line=WaitingLine(10))
    await admission.enter(ANNA)
    first, second = await refused(admission, BOB), await refused(admission, CLARA)
    assert [admission.ask(first), admission.ask(second)] == [
        QueuePlace(ticket=first, place=1, ready=False),
        QueuePlace(ticket=second, place=2, ready=False),
    ]
    admission.leave(ANNA)
    assert not admission.open, "the free place is for those who wait"
    assert await refused(admission, CLARA, second) == second
    newcomer = await refused(admission, ANNA)
    await admission.enter(BOB, first)
    assert admission.ask(second) == QueuePlace(ticket=second, place=1, ready=False)
    assert admission.ask(first) is None
    assert admission.ask(newcomer) == QueuePlace(ticket=newcomer, place=2, ready=False)


async def test_as_many_are_called_as_there_are_places() -> None:
    admission = admitting(2, line=WaitingLine(10))
    await admission.enter(ANNA)
    await admission.enter(ANNA)
    tickets = [await refused(admission, BOB) for _ in range(3)]
    admission.leave(ANNA)
    admission.leave(ANNA)
    places = [admission.ask(ticket) for ticket in tickets]
    assert [place.ready for place in places if place] == [True, True, False]
    await admission.enter(BOB, tickets[1])
    await admission.enter(BOB, tickets[0])
    assert admission.running == 2


async def test_a_client_that_has_its_share_may_not_wait_for_more() -> None:
    admission = admitting(1, per_client=1, line=WaitingLine(10))
    await admission.enter(ANNA)
    ticket = await refused(admission, BOB)
    with pytest.raises(ClientLimitError):
        await admission.enter(BOB)
    with pytest.raises(ClientLimitError):
        await admission.enter(ANNA)
    admission.leave(ANNA)
    await admission.enter(BOB, ticket)


async def test_who_does_not_wait_gets_no_ticket() -> None:
    admission = admitting(1, line=WaitingLine(1))
    await admission.enter(ANNA)
    with pytest.raises(ServerFullError) as error:
        await admission.enter(BOB, waits=False)
    assert (error.value.queue, admission.waiting) == (None, 0)
    await refused(admission, BOB)
    with pytest.raises(ServerFullError) as error:
        await admission.enter(CLARA)
    assert error.value.queue is None, "the line is full"


async def test_those_who_wait_are_told_of_changes() -> None:
    admission = admitting(1, line=WaitingLine(1))
    await admission.enter(ANNA)
    ticket = await refused(admission, BOB)
    waiting = asyncio.create_task(admission.change(60))
    await asyncio.sleep(0)
    admission.leave(ANNA)
    await asyncio.wait_for(waiting, 1)
    admission.drain()
    assert admission.ask(ticket) == QueuePlace(ticket=ticket, place=1, ready=False)


async def test_while_sessions_suffer_nobody_follows_one_that_leaves() -> None:
    admission = Admission(SessionLimit(first=2, most=2), line=WaitingLine(1))
    await admission.enter(ANNA)
    await admission.enter(BOB)
    ticket = await refused(admission, CLARA)
    waiting = asyncio.create_task(admission.change(60))
    await asyncio.sleep(0)
    for _ in range(5):
        admission.second(strained=True)
    await asyncio.wait_for(waiting, 1)
    assert (admission.limit, admission.running) == (1, 2), "nobody is sent away"
    admission.leave(ANNA)
    assert await refused(admission, CLARA, ticket) == ticket
    for _ in range(60):
        admission.second(strained=False)
    await admission.enter(CLARA, ticket)
