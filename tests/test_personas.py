"""The personas of a server: documents in a folder, the HTTP API, and who sessions talk to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from avatar_server.app import create_app
from avatar_server.conversation.persona import PersonaError
from avatar_server.conversation.personas import PersonaConflictError, Personas, UnknownPersonaError
from avatar_server.settings import Settings
from avatar_server.talk import Engines, Talking
from client.peer import Peer
from renderer.library import Library
from streaming.protocol import Caption, Converse, ErrorEvent, Ready
from tests.fakes import (
    EchoDialogue,
    LoudnessVad,
    ScriptedRecogniser,
    ToneSpeech,
    flat_models,
    flat_personas,
)
from tests.live import live_server

KEY = {"Authorization": "Bearer key"}
RED = {"name": "red", "avatar": "red", "greeting": "I am red.", "instructions": "Be red."}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def talking_with(personas: Personas) -> Talking:
    return Talking(personas, lambda: Engines(LoudnessVad(), ScriptedRecogniser(), EchoDialogue()))


# --- files ------------------------------------------------------------------------------------


def test_those_that_ship_can_be_talked_to(tmp_path: Path) -> None:
    personas = Personas(defaults={"voice": "de"}, overrides={"language": "auto"})
    avatars = set(Library(tmp_path).names())
    assert {p.avatar for p in personas.all()} == {None, *avatars}
    assert all(p.title and p.about and p.greeting for p in personas.all())
    assert personas.get(avatar="ruth").name == "ruth"
    assert personas.get(avatar="somebody's own").avatar is None
    assert personas.get("assistant").voice == "de", "what a document does not name"
    assert personas.get("mira").language == "auto", "what the server's settings decide"


def test_a_folder_comes_before_those_that_ship(tmp_path: Path) -> None:
    write(tmp_path, "b.json", '{"name": "bob"}')
    write(tmp_path, "a.toml", 'name = "anna"\navatar = "ruth"')
    write(tmp_path, "m.toml", 'name = "mira"\ngreeting = "Another one."')
    personas = Personas(tmp_path)
    assert [p.name for p in personas.all()][:3] == ["anna", "bob", "mira"]
    assert personas.get().name == "anna"
    assert personas.get(avatar="kofi").name == "anna", "the folder's own, whatever it looks like"
    assert personas.get("mira").greeting == "Another one."
    assert personas.get("kofi").title == "Kofi"
    with pytest.raises(UnknownPersonaError, match="anna, bob"):
        personas.get("nobody")
    write(tmp_path, "c.json", '{"name": "bob"}')
    with pytest.raises(PersonaError, match="two personas"):
        Personas(tmp_path)


def test_what_changes_in_the_folder_is_taken_up(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", '{"name": "anna", "greeting": "One."}')
    personas = Personas(tmp_path)
    write(tmp_path, "a.json", '{"name": "anna", "greeting": "Two, and longer."}')
    write(tmp_path, "b.json", '{"name": "bob"}')
    personas.refresh()
    assert personas.get("anna").greeting == "Two, and longer."
    assert personas.get("bob")
    path.write_text("nonsense")
    personas.refresh()
    assert personas.get("anna").greeting == "Two, and longer.", "a slip of the pen does no harm"
    path.unlink()
    personas.refresh()
    assert personas.get().name == "bob"


def test_documents_are_saved_and_deleted(tmp_path: Path) -> None:
    write(tmp_path, "anna.toml", 'name = "anna"')
    personas = Personas(tmp_path / "." / "", defaults={"voice": "de"})
    saved = personas.save({"name": "anna", "greeting": "Hi."}, new=False)
    assert (saved.greeting, saved.voice) == ("Hi.", "de")
    assert names(tmp_path) == ["anna.json"], "nothing else is left"
    assert json.loads((tmp_path / "anna.json").read_text()) == {"name": "anna", "greeting": "Hi."}
    with pytest.raises(PersonaConflictError, match="PUT"):
        personas.save({"name": "anna"}, new=True)
    personas.delete("anna")
    with pytest.raises(UnknownPersonaError):
        personas.get("anna")
    with pytest.raises(PersonaConflictError, match="ships"):
        personas.delete("mira")
    with pytest.raises(PersonaConflictError, match="setting personas"):
        Personas().save({"name": "x"}, new=True)


# --- HTTP -------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(folder: Path | None, **flags: object) -> AsyncGenerator[httpx.AsyncClient]:
    settings = Settings(avatar="flat", **flags)  # type: ignore[arg-type]
    talking = talking_with(flat_personas(folder=folder))
    app = create_app(settings, flat_models(), ToneSpeech(), talking)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http,
    ):
        yield http


async def test_the_life_of_a_persona(tmp_path: Path) -> None:
    folder = tmp_path / "personas"
    async with serving(folder) as http:
        listed = (await http.get("/v1/personas")).json()
        assert (listed["default"], [p["name"] for p in listed["personas"]]) == ("flat", ["flat"])
        created = await http.post("/v1/personas", json=RED)
        assert created.status_code == 201
        assert created.headers["location"] == "/v1/personas/red"
        assert created.json()["turns"]["patience"] == 0.5, "all of it, with what was not named"
        assert (await http.get("/v1/personas/red")).json() == created.json()
        listed = (await http.get("/v1/personas")).json()
        assert [p["name"] for p in listed["personas"]] == ["red", "flat"]
        assert "instructions" not in listed["personas"][0]
        assert (await http.post("/v1/personas", json=RED)).status_code == 409

        changed = await http.put("/v1/personas/red", json={"greeting": "Still red."})
        assert (changed.status_code, changed.json()["greeting"]) == (200, "Still red.")
        assert changed.json()["avatar"] is None, "the document was replaced"
        assert (await http.delete("/v1/personas/red")).status_code == 204
        assert (await http.get("/v1/personas/red")).status_code == 404
        assert names(folder) == []


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b'{"name": "../etc"}', 400, "lower case"),
        (b'{"name": "x", "turns": {"patience": "long"}}', 400, "turns.patience"),
        (b'{"name": "x", "hobby": 1}', 400, "hobby"),
        (b"[]", 400, "JSON object"),
        (b"{", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        (b"[" * 50_000, 400, "not JSON"),
        (b'"' + b"x" * 70_000 + b'"', 413, "larger"),
    ],
)
async def test_what_is_wrong_is_named(
    tmp_path: Path, content: bytes, status: int, words: str
) -> None:
    async with serving(tmp_path) as http:
        headers = {"Content-Type": "application/json"}
        for method, path in (("POST", "/v1/personas"), ("PUT", "/v1/personas/x")):
            answer = await http.request(method, path, content=content, headers=headers)
            if method == "POST" or "name" not in words:
                assert answer.status_code == status, answer.text
        answer = await http.post("/v1/personas", content=content, headers=headers)
        assert words in answer.json()["message"]
        assert names(tmp_path) == []


async def test_a_session_token_lists_and_changes_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, token="key") as http:
        assert (await http.post("/v1/personas", json=RED, headers=KEY)).status_code == 201
        minted = await http.post("/v1/tokens", json={"avatar": "flat"}, headers=KEY)
        token = {"Authorization": f"Bearer {minted.json()['token']}"}
        listed = (await http.get("/v1/personas", headers=token)).json()["personas"]
        assert [p["name"] for p in listed] == ["flat"], "not one with a face it may not see"
        assert (await http.get("/v1/personas/red", headers=token)).status_code == 403
        for method in ("POST", "PUT", "DELETE"):
            path = "/v1/personas" if method == "POST" else "/v1/personas/red"
            answer = await http.request(method, path, headers=token)
            assert answer.status_code == 403
            assert (await http.request(method, path)).status_code == 401


async def test_changes_at_the_same_time_leave_whole_documents(tmp_path: Path) -> None:
    async with serving(tmp_path) as http:
        answers = await asyncio.gather(
            *(http.put("/v1/personas/x", json={"greeting": f"Hi {i}."}) for i in range(8)),
            *(http.get("/v1/personas") for _ in range(8)),
        )
        assert {answer.status_code for answer in answers} == {200}
        assert json.loads((tmp_path / "x.json").read_text())["greeting"].startswith("Hi ")


# --- sessions ---------------------------------------------------------------------------------


async def test_choosing_a_persona_chooses_its_face_and_words(tmp_path: Path) -> None:
    write(tmp_path, "red.json", json.dumps(RED))
    talking = talking_with(flat_personas("I am flat.", tmp_path))
    with live_server(talking) as url:
        async with Peer.connect(url) as peer:
            assert peer.ready.avatar == "flat"
            peer.send(Converse(persona="red"))
            await peer.event(Ready, lambda e: e.avatar == "red")
            await peer.event(Caption, lambda e: e.final and e.text == "I am red.")
            peer.send(Converse(persona="flat"))
            await peer.event(Caption, lambda e: e.final and e.text == "I am flat.")
            peer.send(Converse(persona="nobody"))
            _, error = await peer.event(ErrorEvent)
            assert error.code == "unknown_persona"
        async with Peer.connect(url, persona="red") as peer:
            assert peer.ready.avatar == "red"
            peer.send(Converse())
            await peer.event(Caption, lambda e: e.final and e.text == "I am red.")
        async with httpx.AsyncClient(base_url=url) as http:
            body = {"sdp": "v=0", "type": "offer", "persona": "nobody"}
            refused = await http.post("/api/offer", json=body)
            assert (refused.status_code, refused.json()["error"]) == (404, "unknown_persona")


async def test_a_token_for_one_face_allows_no_other(tmp_path: Path) -> None:
    write(tmp_path, "red.json", json.dumps(RED))
    talking = talking_with(flat_personas("I am flat.", tmp_path))
    with live_server(talking, token="key") as url:
        async with httpx.AsyncClient(base_url=url, headers=KEY) as http:
            token = (await http.post("/v1/tokens", json={"avatar": "flat"})).json()["token"]
        async with Peer.connect(url, token=token) as peer:
            peer.send(Converse(persona="red"))
            _, error = await peer.event(ErrorEvent)
            assert error.code == "forbidden"
            peer.send(Converse(persona="flat"))
            await peer.event(Caption, lambda e: e.final and e.text == "I am flat.")
