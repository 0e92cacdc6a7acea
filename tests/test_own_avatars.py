"""Users' own avatars over real HTTP: one picture in, a face that can be talked to out."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import AsyncIterator, Generator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from avatar_server.bench import Bench
from avatar_server.conversation.tts import SpeechChunk
from avatar_server.http import ApiError, answer_api_error
from avatar_server.own_avatars import OwnAvatars
from benchmarks.server import running_server
from motion.keypoints import Keypoint
from renderer.contract import UnusableAvatarError
from renderer.library import BUILT_IN
from renderer.parts import packed
from renderer.photo.points import points_named
from tests.test_portraits_photo import flattened
from tests.test_portraits_picture import encoded, gradient, png, with_orientation

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def http(folder: Path) -> Generator[httpx.Client]:
    with (
        running_server("--log-level", "warning", library=folder, max_avatars=2) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


@pytest.fixture
def empty(http: httpx.Client, folder: Path) -> Generator[Path]:
    """The library's folder, without avatars before and after."""
    yield folder
    for name in own(http):
        http.delete(f"/v1/avatars/{name}").raise_for_status()


def own(http: httpx.Client) -> list[str]:
    listed = http.get("/v1/avatars").json()["avatars"]
    return [avatar["name"] for avatar in listed if not avatar["built_in"]]


@cache
def jpeg(name: str = "mira") -> bytes:
    return encoded(".jpg", flattened(name)[0])


@cache
def bad_pictures() -> dict[str, tuple[bytes, str]]:
    """Files that make no avatar, and what is said of them."""
    two = np.concatenate([flattened("mira")[0], flattened("ruth")[0]], 1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("evil.txt", "x")
    shown = encoded(".png", flattened("mira")[0])
    return {
        "no face": (encoded(".jpg", gradient(400, 300)), "No face"),
        "two faces": (encoded(".jpg", two), "2 faces"),
        "tiny": (encoded(".png", gradient(16, 16)), "16x16"),
        "100 megapixels": (png(10_000, 10_000), "10000x10000"),
        "bomb": (png(50_000, 50_000, zlib.compress(bytes(1 << 24))), "50000x50000"),
        "truncated": (jpeg()[: len(jpeg()) // 2], "ends in the middle"),
        "text": (b"I am a text file named .png", "not a JPEG, PNG or WebP"),
        "archive behind a JPEG": (jpeg() + buffer.getvalue(), "zip archive at once"),
        "script behind a PNG": (shown + b"<script>alert(1)</script>", "goes on after"),
        "damaged": (png(300, 300, b"no zlib stream"), "damaged"),
        "an archive that is no avatar": (buffer.getvalue(), "the file holds 'evil.txt'"),
        "too large": (bytes(65 << 20), "larger"),
    }


@pytest.mark.parametrize("case", list(bad_pictures()))
def test_bad_pictures_get_one_sentence_and_leave_nothing(
    http: httpx.Client, empty: Path, case: str
) -> None:
    content, words = bad_pictures()[case]
    kind = {"Content-Type": "image/png"}
    answer = http.post("/v1/avatars", params={"name": "bad"}, content=content, headers=kind)
    assert answer.status_code == (413 if case == "too large" else 422), answer.text
    assert words in answer.json()["message"]
    assert "\n" not in answer.json()["message"]
    assert own(http) == []
    assert list(empty.iterdir()) == []


def test_one_call_makes_an_avatar_that_can_be_shown(http: httpx.Client, empty: Path) -> None:
    query = {"title": "Änne Müller"}
    answer = http.post("/v1/avatars", params=query, content=jpeg(), headers=JPEG)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["title"]) == ("anne-muller", "Änne Müller")
    assert answer.headers["location"] == "/v1/avatars/anne-muller"
    listed = http.get("/api/avatars").json()["avatars"]
    (entry,) = [avatar for avatar in listed if avatar["name"] == "anne-muller"]
    picture = http.get(entry["thumbnail"])
    assert picture.headers["content-type"] == "image/jpeg"
    shown = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (512, 512, 3)
    again = http.post("/v1/avatars", params=query, content=jpeg(), headers=JPEG)
    assert again.json()["name"] == "anne-muller-2"
    assert http.delete("/v1/avatars/anne-muller").status_code == 204
    assert http.get("/v1/avatars/anne-muller").status_code == 404
    assert http.get(entry["thumbnail"]).status_code == 404


def test_its_keypoints_can_be_changed(http: httpx.Client, empty: Path) -> None:
    content = with_orientation(jpeg(), 1)
    assert b"Exif" in content
    http.post("/v1/avatars", params={"name": "me"}, content=content, headers=JPEG)
    kept = http.get("/v1/avatars/me/picture")
    assert b"Exif" not in kept.content
    before = http.get("/v1/avatars/me").json()
    points = before["keypoints"]
    points["JAW"][1] += 6.5
    answer = http.put("/v1/avatars/me/keypoints", json={"keypoints": points})
    assert answer.status_code == 200, answer.text
    after = http.get("/v1/avatars/me").json()
    assert after["keypoints"] == points
    assert after["thumbnail"] != before["thumbnail"], "pages must not show the old one"
    points["JAW"][1] = 5.0
    refused = http.put("/v1/avatars/me/keypoints", json={"keypoints": points})
    assert (refused.status_code, refused.json()["error"]) == (422, "bad_keypoints")
    assert http.get("/v1/avatars/me").json()["keypoints"] == after["keypoints"]


def test_progress_comes_as_events(http: httpx.Client, empty: Path) -> None:
    headers = JPEG | {"Accept": "text/event-stream"}

    def events(content: bytes) -> list[tuple[str, dict[str, str]]]:
        answer = http.post("/v1/avatars", params={"name": "me"}, content=content, headers=headers)
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = []
        for block in answer.text.strip().split("\n\n"):
            kind, data = block.split("\n")
            found.append((kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        return found

    told = events(jpeg())
    assert [kind for kind, _ in told] == ["progress"] * 4 + ["done"]
    assert told[0][1] == {"step": "Reading the picture"}
    assert told[-1][1]["location"] == "/v1/avatars/me"
    kind, data = events(jpeg())[-1]
    assert (kind, data["error"]) == ("error", "name_taken")


def test_moving_to_another_machine(http: httpx.Client, empty: Path) -> None:
    http.post("/v1/avatars", params={"name": "me"}, content=jpeg(), headers=JPEG)
    file = http.get("/v1/avatars/me.avatar")
    assert 'filename="me.avatar"' in file.headers["content-disposition"]
    points = http.get("/v1/avatars/me").json()["keypoints"]
    http.delete("/v1/avatars/me").raise_for_status()
    kind = {"Content-Type": "application/zip"}
    answer = http.post("/v1/avatars", content=file.content, headers=kind)
    assert (answer.status_code, answer.json()["name"]) == (201, "me")
    assert http.get("/v1/avatars/me").json()["keypoints"] == points
    assert http.get("/v1/avatars/me.avatar").content == file.content


@pytest.mark.parametrize(
    "change",
    [
        {"title": "\ud800"},
        {"picture": float("inf")},
        {"keypoints": {key.name: [0, 0, 0] for key in Keypoint}},
    ],
)
def test_an_avatar_file_that_nobody_could_see_is_refused(
    http: httpx.Client, empty: Path, change: dict[str, Any]
) -> None:
    files = {path.name: path.read_bytes() for path in (BUILT_IN / "mira").iterdir()}
    description = json.loads(files["avatar.json"]) | {"name": "me"} | change
    files["avatar.json"] = json.dumps(description).encode()
    kind = {"Content-Type": "application/zip"}
    answer = http.post("/v1/avatars", content=packed(files), headers=kind)
    assert (answer.status_code, answer.json()["error"]) == (422, "refused"), answer.text
    assert "no part of an avatar" not in answer.text
    assert list(empty.iterdir()) == []
    assert http.get("/api/avatars").status_code == 200


def test_detection_and_preview_keep_nothing(http: httpx.Client, empty: Path) -> None:
    found = http.post("/v1/keypoints", content=jpeg(), headers=JPEG).json()
    assert (found["width"], found["height"], found["message"]) == (512, 512, None)
    expected = flattened("mira")[1]
    for name, place in points_named(expected).items():
        assert np.hypot(*np.subtract(found["keypoints"][name], place)) < 18
    query = {"keypoints": json.dumps(found["keypoints"]), "text": "Hello."}
    answer = http.post("/v1/preview", params=query, content=jpeg(), headers=JPEG)
    assert json.loads(answer.headers["avatar-remarks"]) == []
    with av.open(io.BytesIO(answer.content), "r") as video:
        frames = [frame.to_ndarray(format="gray") for frame in video.decode(video=0)]
        assert video.streams.audio
    assert frames[0].shape == (512, 512)
    assert len(frames) > 12
    mouth = np.stack([frame[280:360, 190:320] for frame in frames]).astype(np.float32)
    assert mouth.std(0).max() > 15, "it speaks"
    faceless = http.post("/v1/keypoints", content=bad_pictures()["no face"][0], headers=JPEG)
    assert "studio" in faceless.json()["message"]
    assert len(faceless.json()["keypoints"]) == 21
    assert list(empty.iterdir()) == []


async def test_a_preview_of_what_the_models_cannot_use_is_refused_in_words() -> None:
    class Silent:
        async def synthesize(self, text: str, voice: str) -> AsyncIterator[SpeechChunk]:
            yield SpeechChunk(np.zeros(160, np.float32), 16_000)

    class Models:
        avatars = property(lambda self: self)

        def unkept(self, portrait: object) -> None:
            raise UnusableAvatarError("preview: no face was found")

    made: Any = SimpleNamespace(
        library=None, prepare=lambda *_: SimpleNamespace(portrait=None, remarks=())
    )
    models: Any = Models()
    voice: Any = Silent()
    bench = Bench()
    own = OwnAvatars(made, bench, models, voice, "en")
    app = Starlette(routes=own.routes(), exception_handlers={ApiError: answer_api_error})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/preview", content=jpeg(), headers=JPEG)
    bench.close()
    assert (answer.status_code, answer.json()["error"]) == (409, "unusable_avatar")


@pytest.mark.parametrize(
    ("query", "kind", "status", "code"),
    [
        ({"name": "mira"}, "image/jpeg", 409, "name_taken"),
        ({"name": "../etc"}, "image/jpeg", 422, "refused"),
        ({"title": "x" * 61}, "image/jpeg", 400, "bad_request"),
        ({"keypoints": "{"}, "image/jpeg", 400, "bad_request"),
        ({"keypoints": "{}"}, "image/jpeg", 422, "bad_keypoints"),
        ({"keypoints": "[" * 20_000}, "image/jpeg", 400, "bad_request"),
        ({}, "application/x-www-form-urlencoded", 415, "wrong_content_type"),
    ],
)
def test_wrong_wishes(
    http: httpx.Client, empty: Path, query: dict[str, str], kind: str, status: int, code: str
) -> None:
    headers = {"Content-Type": kind}
    answer = http.post("/v1/avatars", params=query, content=jpeg(), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert list(empty.iterdir()) == []


def test_built_in_avatars_stay(http: httpx.Client) -> None:
    assert http.get("/v1/avatars/mira").json()["editable"] is False
    assert http.delete("/v1/avatars/mira").status_code == 422
    assert http.get("/v1/avatars/mira/picture").status_code == 404
    points = points_named(flattened("mira")[1])
    changed = http.put("/v1/avatars/mira/keypoints", json={"keypoints": points})
    assert (changed.status_code, changed.json()["error"]) == (409, "no_picture")


def test_the_library_has_an_end(http: httpx.Client, empty: Path) -> None:
    for _ in range(2):
        http.post("/v1/avatars", content=jpeg(), headers=JPEG).raise_for_status()
    refused = http.post("/v1/avatars", content=jpeg(), headers=JPEG)
    assert (refused.status_code, refused.json()["error"]) == (409, "library_full")


def test_only_the_key_changes_avatars(folder: Path) -> None:
    key = {"Authorization": "Bearer key"}
    with running_server("--log-level", "warning", "--token", "key", library=folder) as url:
        token = httpx.post(f"{url}/v1/tokens", json={}, headers=key).json()["token"]
        for headers, status in ((JPEG, 401), (JPEG | {"Authorization": f"Bearer {token}"}, 403)):
            answer = httpx.post(f"{url}/v1/avatars", content=jpeg(), headers=headers)
            assert answer.status_code == status
            assert httpx.delete(f"{url}/v1/avatars/x", headers=headers).status_code == status
        assert httpx.delete(f"{url}/v1/avatars/x", headers=key).status_code == 404
    assert list(folder.iterdir()) == []
