"""Keeps worker processes running and admits their sessions."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from avatar_server.admission import Admission, AdmissionError
from avatar_server.clients import Client
from avatar_server.settings import Settings
from avatar_server.workers.messages import (
    REPORT,
    Enter,
    Leave,
    Ready,
    Start,
    Strained,
    Verdict,
    open_settings,
)

log = logging.getLogger(__name__)

_STARTING: Final = 120.0
"""Seconds in which a worker must be ready."""

_STOPPING: Final = 15.0
"""Seconds that a worker gets to stop."""

_CHECK: Final = 2.0
"""Seconds between questions to a worker whether it lives."""

_PATIENCE: Final = 3.0
"""Seconds that it gets to answer; until it does, it gets no new sessions."""

_HANGS: Final = 6
"""Unanswered questions in a row after which it is killed."""

_PAUSES: Final = (0.5, 30.0)
"""Seconds before a worker is started again: the first time, and at most."""

_STABLE: Final = 60.0
"""Seconds a worker must run before its failure restarts it after the shortest pause again."""


class WorkerError(RuntimeError):
    """There is no worker for a request, or one does not start; the message says which."""


class Worker:
    """One process, from its start to its end."""

    def __init__(self, number: int, path: Path, process: Process, admission: Admission) -> None:
        self.number = number
        self.path = str(path)
        self.http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=self.path, limits=httpx.Limits()),
            timeout=httpx.Timeout(None, connect=5.0),
        )
        self.ready = asyncio.Event()
        self.strained = False
        """Whether it does not keep up with its sessions."""
        self.silent = False
        """Whether it does not answer."""
        self._stopping = False
        self._process = process
        self._admission = admission
        self._clients: Counter[Client] = Counter()

    @classmethod
    async def start(
        cls, number: int, path: Path, settings: Settings, admission: Admission
    ) -> Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "avatar_server.workers.process",
            stdin=PIPE, stdout=PIPE,
            # A Ctrl-C in the terminal is for the front, which ends its workers.
            start_new_session=True,
        )  # fmt: skip
        worker = cls(number, path, process, admission)
        worker._tell(Start(number=number, path=str(path), settings=open_settings(settings)))
        return worker

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def sessions(self) -> int:
        """How many run in it."""
        return self._clients.total()

    async def run(self) -> int:
        """Serve its messages until it ends, then free its places; returns its exit status.

        A worker that sends an invalid message, is not ready in time or hangs is killed.
        """
        assert self._process.stdout is not None
        watching = asyncio.create_task(self._watch(), name=f"watch-worker-{self.number}")
        starting = asyncio.get_running_loop().call_later(_STARTING, self._give_up)
        try:
            async for line in self._process.stdout:
                match REPORT.validate_json(line):
                    case Ready():
                        starting.cancel()
                        self.ready.set()
                    case Enter() as wish:
                        await self._decide(wish)
                    case Leave(client=client):
                        self._leave(client)
                    case Strained(now=now):
                        self.strained = now
        except ValueError:
            log.exception("worker %d is not understood and is killed", self.number)
            self._process.kill()
        finally:
            starting.cancel()
            watching.cancel()
            self.ready.clear()
            for client in tuple(self._clients.elements()):
                self._leave(client)
            await self.http.aclose()
        return await self._process.wait()

    async def stop(self) -> None:
        """Have it end its sessions and exit; kill it if it does not."""
        if self._process.returncode is not None:
            return
        self._stopping = True
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOPPING):
                await self._process.wait()
        except TimeoutError:
            log.warning("worker %d does not stop and is killed", self.number)
            self._process.kill()
            await self._process.wait()

    def _give_up(self) -> None:
        log.error("worker %d is not ready after %g s and is killed", self.number, _STARTING)
        self._process.kill()

    async def _watch(self) -> None:
        """Kill the worker when it hangs."""
        await self.ready.wait()
        unanswered = 0
        while unanswered < _HANGS:
            await asyncio.sleep(_CHECK)
            if self._stopping:
                return  # it answers no more, and gets its time
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self.http.get("http://worker/healthz")
            except (TimeoutError, httpx.HTTPError):
                unanswered += 1
            else:
                unanswered = 0
            self.silent = unanswered > 0
        log.error("worker %d does not answer and is killed", self.number)
        self._process.kill()

    async def _decide(self, wish: Enter) -> None:
        try:
            await self._admission.enter(wish.client, wish.ticket, waits=wish.waits)
        except AdmissionError as error:
            verdict = Verdict(id=wish.id, code=error.code, message=str(error), queue=error.queue)
        else:
            self._clients[wish.client] += 1
            verdict = Verdict(id=wish.id)
        self._tell(verdict)

    def _leave(self, client: Client) -> None:
        self._clients[client] -= 1
        self._admission.leave(client)

    def _tell(self, message: Start | Verdict) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(message.line())


class Pool:
    """``count`` workers; one that ends is started again. Use as an async context manager."""

    def __init__(self, settings: Settings, count: int, admission: Admission) -> None:
        self._settings = settings
        self._count = count
        self._admission = admission
        self._workers: dict[int, Worker] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._folder = tempfile.TemporaryDirectory(prefix="avatar-workers-")
        self._stopping = False
        self.restarts = 0
        """Workers that had to be started again."""

    async def __aenter__(self) -> Self:
        """Returns when all are ready; raises :class:`WorkerError` when one does not start."""
        try:
            await asyncio.gather(*(self._start(number) for number in range(self._count)))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping = True
        await asyncio.gather(*(worker.stop() for worker in tuple(self._workers.values())))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._folder.cleanup()

    def all(self) -> list[Worker]:
        """Those that answer."""
        return [w for w in self._workers.values() if w.ready.is_set() and not w.silent]

    def __contains__(self, number: int) -> bool:
        """Whether there is a worker of that number, running or not."""
        return 0 <= number < self._count

    def get(self, number: int) -> Worker:
        """The worker of that number; raises :class:`WorkerError` while it does not run."""
        worker = self._workers.get(number)
        if worker is None or not worker.ready.is_set():
            raise WorkerError("the process of this session has failed; connect again")
        return worker

    def least_busy(self) -> Worker:
        """The worker with the fewest sessions; raises :class:`WorkerError` while none runs."""
        running = self.all()
        if not running:
            raise WorkerError("the server is starting; try again in a moment")
        return min(running, key=lambda worker: worker.sessions)

    async def _start(self, number: int) -> None:
        """Start a worker for the first time and keep it from then on."""
        worker = await self._spawn(number)
        running = asyncio.create_task(worker.run(), name=f"worker-{number}")
        ready = asyncio.create_task(worker.ready.wait())
        self._keepers.append(asyncio.create_task(self._keep(number, running)))
        await asyncio.wait((running, ready), return_when="FIRST_COMPLETED")
        if not ready.done():
            ready.cancel()
            raise WorkerError("a worker process did not start; its error is above")

    async def _spawn(self, number: int) -> Worker:
        path = Path(self._folder.name) / f"{number}.sock"
        worker = await Worker.start(number, path, self._settings, self._admission)
        self._workers[number] = worker
        return worker

    async def _keep(self, number: int, running: asyncio.Task[int]) -> None:
        """Start worker ``number`` again whenever it ends, until cancelled."""
        loop = asyncio.get_running_loop()
        pause, most = _PAUSES
        while True:
            began = loop.time()
            status = await running
            if self._stopping:
                return
            if loop.time() - began > _STABLE:
                pause = _PAUSES[0]
            log.error("worker %d ended with status %d; starting it again", number, status)
            self.restarts += 1
            worker: Worker | None = None
            while worker is None:
                await asyncio.sleep(pause)
                pause = min(2 * pause, most)
                try:
                    worker = await self._spawn(number)
                except OSError as failure:  # the machine may have memory or descriptors later
                    log.error("worker %d cannot be started: %s", number, failure)
            running = asyncio.create_task(worker.run(), name=f"worker-{number}")
