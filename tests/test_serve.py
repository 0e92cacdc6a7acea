"""How the application is served."""

from __future__ import annotations

from starlette.applications import Starlette

from avatar_server.serve import server_config


def test_idle_connections_outlive_those_of_load_balancers() -> None:
    """Else the next request of theirs may come while the connection is being closed."""
    assert server_config(Starlette(), trusted=(), grace=1).timeout_keep_alive > 60
