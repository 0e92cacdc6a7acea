"""``/v1/avatars``: users' own avatars, made from pictures, changed, moved and removed."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_server.bench import Bench, BusyError
from avatar_server.conversation.tts import SpeechChunk, SpeechSynthesisError, TextToSpeech
from avatar_server.http import (
    ApiError,
    avatar_errors,
    disk_error,
    event_stream,
    read_body,
    read_json,
    server_event,
    wants_events,
)
from avatar_server.making import (
    MAX_TITLE,
    LibraryFullError,
    Made,
    Maker,
    NoSourceError,
    OnStep,
    Order,
)
from avatar_server.models import Models
from avatar_server.offline import render_video
from motion.contract import Controls
from motion.layout import FloatArray
from renderer.library import Entry, LibraryError, NameTakenError
from renderer.parts import LARGEST_AVATAR, packed
from renderer.photo.detector import NoSingleFaceError, centred_face, single_face
from renderer.photo.picture import LARGEST_FILE, PictureError, decode_picture
from renderer.photo.points import PointsError, named_points, points_named
from renderer.portrait import encoded

_TYPES: Final = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "application/zip",
    "application/octet-stream",
)
_SAMPLE: Final = "Hello! This is how I look when I speak. Shall we talk?"
_MAX_SAMPLE: Final = 200


class KeypointsBody(BaseModel):
    """Body of ``PUT /v1/avatars/NAME/keypoints``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keypoints: dict[str, tuple[float, float]]


class OwnAvatars:
    """Routes below ``/v1``; slow work is done on a bench, off the event loop."""

    def __init__(
        self, maker: Maker, bench: Bench, models: Models, speech_engine: TextToSpeech, voice: str
    ) -> None:
        self._maker = maker
        self._library = maker.library
        self._bench = bench
        self._models = models
        self._speech_engine = speech_engine
        self._voice = voice

    def routes(self) -> list[Route]:
        return [
            Route("/avatars", self.index, methods=["GET"]),
            Route("/avatars", self.create, methods=["POST"]),
            Route("/avatars/{name}.avatar", self.download, methods=["GET"]),
            Route("/avatars/{name}", self.show, methods=["GET"]),
            Route("/avatars/{name}", self.remove, methods=["DELETE"]),
            Route("/avatars/{name}/picture", self.picture, methods=["GET"]),
            Route("/avatars/{name}/keypoints", self.change, methods=["PUT"]),
            Route("/keypoints", self.find, methods=["POST"]),
            Route("/preview", self.preview, methods=["POST"]),
        ]

    # --- what there is --------------------------------------------------------------------------

    async def index(self, _: Request) -> Response:
        def described() -> list[dict[str, Any]]:
            shown = {avatar.name for avatar in self._models.avatars.listed()}
            return [_described(entry) for entry in self._library.listed() if entry.name in shown]

        return JSONResponse({"avatars": await asyncio.to_thread(described)})

    async def show(self, request: Request) -> Response:
        def described() -> dict[str, Any]:
            source = self._library.source(name)
            points = None if source is None else points_named(source.points)
            return _described(self._library.entry(name)) | {"keypoints": points}

        name = request.path_params["name"]
        with avatar_errors():
            return JSONResponse(await asyncio.to_thread(described))

    async def picture(self, request: Request) -> Response:
        name = request.path_params["name"]
        with avatar_errors():
            source = await asyncio.to_thread(self._library.source, name)
        if source is None:
            raise ApiError(404, "no_picture", f"{name!r} was not made from a picture")
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(source.picture, media_type="image/jpeg", headers=headers)

    async def download(self, request: Request) -> Response:
        def content() -> bytes:
            return packed(encoded(self._library.portrait(name)))

        name = request.path_params["name"]
        with _told_apart(), avatar_errors():
            file = await self._bench.do(content)
        headers = {"Content-Disposition": f'attachment; filename="{name}.avatar"'}
        return Response(file, media_type="application/zip", headers=headers)

    # --- what changes it ------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        """201 with the new avatar; with ``Accept: text/event-stream`` its progress as well."""
        title = request.query_params.get("title")
        if title is not None and not 1 <= len(title) <= MAX_TITLE:
            raise ApiError(400, "bad_request", f"a title has 1 to {MAX_TITLE} letters")
        points = _points_of(request)
        content = await _read_file(request, LARGEST_AVATAR)
        order = Order(content, request.query_params.get("name"), title, points)
        return await self._answer(request, lambda on_step: self._maker.make(order, on_step), 201)

    async def change(self, request: Request) -> Response:
        """Make an avatar anew from its picture; its sessions go on with the face they show."""
        name = request.path_params["name"]
        body = await read_json(request, KeypointsBody, 8192)
        with _told_apart():
            points = named_points(body.keypoints)
        return await self._answer(
            request, lambda on_step: self._maker.remake(name, points, on_step), 200
        )

    async def remove(self, request: Request) -> Response:
        with _told_apart(), avatar_errors():
            await self._bench.do(lambda: self._library.delete(request.path_params["name"]))
        return Response(status_code=204)

    async def _answer(
        self, request: Request, work: Callable[[OnStep], Made], status: int
    ) -> Response:
        if wants_events(request):
            return event_stream(self._events(work))
        with _told_apart(), avatar_errors():
            made = await self._bench.do(lambda: work(lambda _: None))
        body = await asyncio.to_thread(self._outcome, made)
        return JSONResponse(body, status, headers={"Location": body["location"]})

    def _outcome(self, made: Made) -> dict[str, Any]:
        more = {"location": f"/v1/avatars/{made.name}", "remarks": made.remarks}
        return _described(self._library.entry(made.name)) | more

    async def _events(self, work: Callable[[OnStep], Made]) -> AsyncGenerator[str]:
        """Server-sent events: ``progress`` for each step, then ``done`` or ``error``."""
        loop = asyncio.get_running_loop()
        steps: asyncio.Queue[str | None] = asyncio.Queue()

        def tell(step: str | None) -> None:
            loop.call_soon_threadsafe(steps.put_nowait, step)

        making = asyncio.ensure_future(self._bench.do(lambda: work(tell)))
        making.add_done_callback(lambda _: steps.put_nowait(None))
        while (step := await steps.get()) is not None:
            yield server_event("progress", {"step": step})
        try:
            with _told_apart(), avatar_errors():
                made = making.result()
        except ApiError as error:
            yield server_event("error", {"error": error.code, "message": str(error)})
        else:
            yield server_event("done", await asyncio.to_thread(self._outcome, made))

    # --- what keeps nothing ---------------------------------------------------------------------

    async def find(self, request: Request) -> Response:
        """Where the keypoints of a picture are, as far as the detector can tell."""

        def found() -> dict[str, Any]:
            picture = decode_picture(content)
            height, width = picture.shape[:2]
            try:
                points, message = single_face(self._maker.detector, picture).points, None
            except NoSingleFaceError as error:
                points, message = centred_face(width, height), str(error)
            return {
                "width": width,
                "height": height,
                "keypoints": points_named(points),
                "message": message,
            }

        content = await _read_file(request, LARGEST_FILE)
        with _told_apart():
            return JSONResponse(await self._bench.do(found))

    async def preview(self, request: Request) -> Response:
        """An MP4 of the face that a picture would make, saying a sentence."""
        text = request.query_params.get("text") or _SAMPLE
        if len(text) > _MAX_SAMPLE:
            raise ApiError(400, "bad_request", f"the text is longer than {_MAX_SAMPLE} letters")
        points = _points_of(request)
        content = await _read_file(request, LARGEST_FILE)
        try:
            speech = [chunk async for chunk in self._speech_engine.synthesize(text, self._voice)]
        except SpeechSynthesisError as error:
            raise ApiError(503, "no_voice", str(error)) from error

        def drawn() -> tuple[bytes, tuple[str, ...]]:
            made = self._maker.prepare(content, points, "preview", "Preview", lambda _: None)
            avatar = self._models.avatars.unkept(made.portrait)
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "preview.mp4"
                asyncio.run(
                    render_video(
                        self._models, avatar, _replayed(speech), out, Controls(), lambda _: None
                    )
                )
                return out.read_bytes(), made.remarks

        with _told_apart(), avatar_errors():
            video, remarks = await self._bench.do(drawn)
        headers = {"Cache-Control": "no-store", "Avatar-Remarks": json.dumps(remarks)}
        return Response(video, media_type="video/mp4", headers=headers)


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "built_in": entry.built_in,
        "editable": entry.editable,
        "thumbnail": f"/api/avatars/{entry.name}.jpg?v={entry.stamp}",
    }


async def _replayed(speech: list[SpeechChunk]) -> AsyncIterator[SpeechChunk]:
    for chunk in speech:
        yield chunk


async def _read_file(request: Request, limit: int) -> bytes:
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if given not in _TYPES:
        known = ", ".join(_TYPES)
        raise ApiError(
            415, "wrong_content_type", f"send the file as it is, with a Content-Type of {known}"
        )
    content = await read_body(request, limit)
    if not content:
        raise ApiError(400, "bad_request", "the file is empty")
    return content


def _points_of(request: Request) -> FloatArray | None:
    """Keypoints in the query, JSON as in the body of a PUT."""
    given = request.query_params.get("keypoints")
    if given is None:
        return None
    try:
        values = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "bad_request", "keypoints: this is not JSON") from error
    with _told_apart():
        return named_points(values)


_ANSWERS: Final[tuple[tuple[type[Exception], int, str], ...]] = (
    (PictureError, 422, "bad_picture"),
    (NoSingleFaceError, 422, "no_single_face"),
    (PointsError, 422, "bad_keypoints"),
    (NameTakenError, 409, "name_taken"),
    (LibraryFullError, 409, "library_full"),
    (LibraryError, 422, "refused"),
    (NoSourceError, 409, "no_picture"),
)


@contextmanager
def _told_apart() -> Iterator[None]:
    """Map the reasons for refusing a picture or a request to an :class:`ApiError` each."""
    try:
        yield
    except BusyError as error:
        raise ApiError(503, "busy", str(error), {"Retry-After": "3"}) from error
    except tuple(kind for kind, _, _ in _ANSWERS) as error:
        status, code = next((s, c) for kind, s, c in _ANSWERS if isinstance(error, kind))
        raise ApiError(status, code, str(error)) from error
    except OSError as error:
        raise disk_error(error) from error
