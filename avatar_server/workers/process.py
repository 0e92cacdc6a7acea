"""A worker process: the whole server, with admission left to the front.

    python -m avatar_server.workers.process < START

Reads :class:`~avatar_server.workers.messages.Start` and then verdicts from stdin, writes
:data:`~avatar_server.workers.messages.Report` to stdout, and ends when stdin does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
from io import FileIO
from pathlib import Path
from typing import Final

from avatar_server.admission import (
    Admission,
    AdmissionError,
    ClientLimitError,
    DrainingError,
    ServerFullError,
)
from avatar_server.app import create_app
from avatar_server.clients import Client
from avatar_server.engines import built_in_talking, speech_engine
from avatar_server.family import open_family
from avatar_server.ice import event_loop_factory
from avatar_server.logs import set_up_logging
from avatar_server.open_sockets import OpenSockets
from avatar_server.serve import DrainingServer, server_config, tune_interpreter
from avatar_server.session_limit import SessionLimit
from avatar_server.settings import Settings
from avatar_server.workers.messages import Enter, Leave, Ready, Report, Start, Strained, Verdict

_ERRORS: Final[dict[str, type[AdmissionError]]] = {
    error.code: error for error in (ServerFullError, DrainingError, ClientLimitError)
}


class FrontAdmission(Admission):
    """Asks the front to admit each session; has no limit of its own."""

    def __init__(self, reports: FileIO) -> None:
        super().__init__(SessionLimit.fixed(sys.maxsize))
        self._reports = reports
        self._strained = False
        self._ids = itertools.count()
        self._asked: dict[int, asyncio.Future[Verdict]] = {}

    async def enter(self, client: Client, ticket: str | None = None, *, waits: bool = True) -> None:
        number = next(self._ids)
        asked = self._asked[number] = asyncio.get_running_loop().create_future()
        self.report(Enter(id=number, client=client, ticket=ticket, waits=waits))
        try:
            verdict = await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(lambda done: self._give_back(client, done.result()))
            raise
        if verdict.code is not None:
            raise _ERRORS[verdict.code](verdict.message, verdict.queue)
        await super().enter(client)

    def second(self, strained: bool) -> None:
        if strained != self._strained:
            self._strained = strained
            self.report(Strained(now=strained))

    def leave(self, client: Client) -> None:
        super().leave(client)
        self.report(Leave(client=client))

    def _give_back(self, client: Client, verdict: Verdict) -> None:
        """The client went away before the front answered."""
        if verdict.code is None:
            self.report(Leave(client=client))

    def decide(self, verdict: Verdict) -> None:
        """The front has answered."""
        self._asked.pop(verdict.id).set_result(verdict)

    def report(self, message: Report) -> None:
        self._reports.write(message.line())


async def _serve(
    server: DrainingServer, listener: socket.socket, admission: FrontAdmission, orders: FileIO
) -> None:
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), orders)

    async def obey() -> None:
        async for line in lines:
            admission.decide(Verdict.model_validate_json(line))
        server.should_exit = True  # the front has gone

    obeying = asyncio.create_task(obey(), name="orders")
    try:
        await server.serve([listener])
    finally:
        obeying.cancel()


def main() -> None:
    # Keep whatever else is printed out of the messages: stdout becomes stderr.
    reports = FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    orders = FileIO(0)
    start = Start.model_validate_json(orders.readline())
    settings = Settings(**start.settings)
    set_up_logging(settings.log_level, settings.log_format)
    admission = FrontAdmission(reports)
    settings, models = open_family(settings, lambda _: None)
    app = create_app(
        settings,
        models,
        speech_engine(settings),
        built_in_talking(settings),
        admission,
        f"{start.number}.",
    )
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    Path(start.path).unlink(missing_ok=True)  # left by a worker that failed
    listener.bind(start.path)
    sockets = OpenSockets(app)
    config = server_config(sockets, trusted=("*",), grace=1)
    tune_interpreter()
    # No drain: the front has waited for the sessions before it stops a worker.
    server = DrainingServer(
        config, sockets, lambda: asyncio.sleep(0), lambda: admission.report(Ready())
    )
    with asyncio.Runner(loop_factory=event_loop_factory(settings.udp_ports)) as runner:
        runner.run(_serve(server, listener, admission, orders))


if __name__ == "__main__":
    main()
