"""Admission: how many sessions, of whom, how fast."""

from __future__ import annotations

import pytest

from avatar_server.admission import (
    Admission,
    Client,
    ClientLimitError,
    DrainingError,
    RateLimit,
    ServerFullError,
    client_address,
)

ANNA, BOB = Client("anna"), Client("bob")


def test_a_place_that_was_left_can_be_taken_again() -> None:
    admission = Admission(2)
    admission.enter(ANNA)
    admission.enter(BOB)
    assert not admission.open
    with pytest.raises(ServerFullError, match="all 2"):
        admission.enter(BOB)
    assert admission.running == 2, "a refused client takes no place"
    admission.leave(ANNA)
    admission.enter(BOB)


def test_one_client_cannot_take_all_places() -> None:
    admission = Admission(10, per_client=2)
    admission.enter(ANNA)
    admission.enter(ANNA)
    with pytest.raises(ClientLimitError):
        admission.enter(ANNA)
    admission.enter(BOB)
    admission.leave(ANNA)
    admission.enter(ANNA)


def test_a_draining_server_takes_nobody() -> None:
    admission = Admission(10)
    admission.draining = True
    assert not admission.open
    with pytest.raises(DrainingError):
        admission.enter(ANNA)


def test_a_rate_limit_allows_a_burst_and_then_the_rate() -> None:
    now = 0.0
    limit = RateLimit(60, lambda: now)
    assert [limit.take("anna") for _ in range(10)] == [0.0] * 10
    assert limit.take("anna") == pytest.approx(1.0)
    assert limit.take("bob") == 0.0, "clients do not share it"
    now = 0.9
    assert limit.take("anna") == pytest.approx(0.1)
    now = 1.0
    assert limit.take("anna") == 0.0
    now = 1000.0
    assert sum(limit.take("anna") == 0.0 for _ in range(100)) == 10, "waiting saves up no more"


def test_a_rate_limit_forgets_clients_that_it_has_not_seen_for_long() -> None:
    limit = RateLimit(6, lambda: 0.0)
    for number in range(20_000):
        limit.take(f"client {number}")
    assert len(limit._left) == 10_000


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_client_is_an_address_or_a_network(host: str, client: str) -> None:
    assert client_address(host) == client
