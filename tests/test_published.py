"""The published models in the server: from a folder of files to a file and to a live session.

The arithmetic of W and G is replaced, as a frame takes seconds on a CPU; the golden tests hold it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner, Result

from avatar_server.app import create_app
from avatar_server.cli import app
from avatar_server.family import FamilyError, open_family
from avatar_server.model_store import ModelStore
from avatar_server.settings import Settings
from avatar_server.thumbnails import Thumbnails
from motion.contract import SAMPLES_PER_FRAME, Controls
from motion.layout import MOTION_DIM, expression
from motion.moda import checkpoint as moda
from motion.moda.lips import LIPS
from renderer.contract import UnusableAvatarError
from renderer.liveportrait import checkpoint as liveportrait
from renderer.liveportrait.decoder import WarpAndGenerate
from renderer.liveportrait.landmarks import FaceLandmarks, NoFaceError
from streaming.protocol import Ready
from tests.fakes import ToneSpeech, scripted_talking
from tests.published_files import SMALL, write_published_files
from tests.webrtc_browser import WAIT, Browser


@pytest.fixture(scope="module")
def patch() -> Generator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Path:
    """A folder with ``files`` as published, a photo, and the folders that the server keeps."""
    folder = tmp_path_factory.mktemp("published")
    patch.setattr(moda, "CONFIG", SMALL)
    patch.setenv("AVATAR_MODEL_STORE", str(folder / "store"))
    patch.setenv("AVATAR_LIBRARY", str(folder / "library"))
    patch.setenv("AVATAR_ENGINE", "eager")
    patch.setenv("AVATAR_DEVICE", "cpu")
    patch.chdir(folder)

    def paint(_: object, rows: Tensor, features: Tensor, source: Tensor, moved: Tensor) -> Tensor:
        shade = (moved - source).mean(dim=(1, 2)).sigmoid()
        return shade.view(-1, 1, 1, 1).expand(-1, 3, 512, 512)

    patch.setattr(WarpAndGenerate, "forward", paint)
    write_published_files(folder / "files")
    x, y = np.meshgrid(np.arange(256), np.arange(256))
    cv2.imwrite(str(folder / "My photo.jpg"), np.stack([x, y, x ^ y], axis=-1).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def added(home: Path) -> Result:
    return run("models", "add", "files")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def settings(**flags: object) -> Settings:
    return Settings(models=Path("files"), avatar="My photo.jpg", **flags)  # type: ignore[arg-type]


def test_a_folder_is_added_and_listed(added: Result, home: Path) -> None:
    assert added.exit_code == 0, added.output
    assert "All files are right" in added.output
    store = ModelStore(home / "store")
    (made,) = store.sets()
    assert f"--models {made.folder}" in added.output
    assert store.find(home / "files") == made
    assert store.find(made.folder) == made, "its own folder does as well"
    assert made.name in run("models", "list").output
    networks = liveportrait.load(made.folder)
    assert sum(p.numel() for p in networks.motion.parameters()) == 28_118_728
    # Half of an n-fold sum of halves, under a spectral norm of 0.125 n C for C channels out.
    weight = networks.generator.middle.get_submodule("blocks.0.conv_0").weight
    assert isinstance(weight, torch.Tensor)
    assert torch.allclose(weight, torch.tensor(0.5 / (0.125 * 512 * 512 * 9)))


def test_what_is_wrong_is_said_and_nothing_is_kept(added: Result, home: Path) -> None:
    folder = home / "broken"
    folder.mkdir()
    before = sorted((home / "store").iterdir())
    output = run("models", "add", "broken").output
    assert "net-200.pth, appearance_feature_extractor.pth, " in output
    assert "det_10g.onnx, 2d106det.onnx not found in this folder or below" in output
    for part in ("moda", "decode"):
        shutil.copytree(home / "files" / part, folder / part, copy_function=os.link)
    assert "no folder with the config.json of a HuBERT" in run("models", "add", "broken").output
    source = home / "files" / "audio" / "chinese-hubert-base"
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    del state["encoder.layers.1.final_layer_norm.bias"]
    torch.save(state, folder / "pytorch_model.bin")
    result = run("models", "add", "broken")
    assert "pytorch_model.bin: missing key encoder.layers.1.final_layer_norm.bias" in result.output
    assert result.exit_code == 1
    assert run("models", "add", "nowhere").output.strip().endswith("there is no such folder")
    assert sorted((home / "store").iterdir()) == before
    with pytest.raises(FamilyError, match="there is no such folder"):
        open_family(Settings(models=Path("nowhere")), print)
    assert "there is no set of models 'no'; there are: " in run("models", "remove", "no").output


@pytest.mark.usefixtures("added")
def test_a_photo_speaks_in_a_file(home: Path) -> None:
    time = np.arange(16_000) / 16_000
    tone = (0.3 * np.sin(2 * np.pi * 200 * time) * 32767).astype(np.int16)
    with av.open("in.wav", "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    words = ("--models", "files", "--avatar", "My photo.jpg", "--audio", "in.wav", "-o", "out.mp4")
    result = run("render", *words, "--emotion", "happiness", "--guidance", "1.5")
    assert result.exit_code == 0, result.output
    assert "WarpAndGenerate runs on cpu with engine eager" in result.output
    with av.open("out.mp4") as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (512, 512)
        assert video.average_rate == 25
        light = [frame.to_ndarray()[:512].mean() for frame in container.decode(video=0)]
    assert len(light) >= 40
    assert np.ptp(light) > 0, "the face moves"
    assert len(list((home / "store").glob("*/portraits/*.safetensors"))) == 1


@pytest.mark.usefixtures("added")
async def test_a_photo_speaks_in_a_session() -> None:
    ready, family = open_family(settings(), print)
    assert (ready.avatar, ready.max_sessions) == ("my-photo", 1)
    server = create_app(ready, family, ToneSpeech(), scripted_talking())
    transport = httpx.ASGITransport(server)
    async with (
        server.router.lifespan_context(server),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        viewer = Browser()
        try:
            await viewer.connect(http)
            first = await viewer.event()
            assert isinstance(first, Ready)
            assert (first.avatar, first.size) == ("my-photo", 512)
            viewer.send(type="express", emotion="surprise", guidance=2.0)
            viewer.send(type="say", text="one two three four five six", utterance="u1")
            light: list[float] = []
            async with asyncio.timeout(3 * WAIT):
                while len(set(light)) < 5:
                    frame = await viewer.picture()
                    light.append(round(float(frame.to_ndarray()[:512].mean()), 1))
        finally:
            await viewer.close()
        listed = (await http.get("/api/avatars")).json()["avatars"]
        assert [avatar["name"] for avatar in listed] == ["my-photo"]
        assert (await http.get("/v1/avatars")).json() == {"avatars": []}, "drawings cannot be shown"


@pytest.mark.usefixtures("added")
def test_lips_move_further_where_that_is_set() -> None:
    speech = np.random.default_rng(0).normal(0, 0.1, 20 * SAMPLES_PER_FRAME).astype(np.float32)
    streamed, clips = [], []
    for wanted in (False, True):
        _, models = open_family(settings(lip_modulation=wanted), print)
        avatar = models.avatar("my-photo")
        features, _ = models.features.step(models.features.init_state(), speech)
        state = models.generator.init_state(avatar)
        motion, _ = models.generator.step(state, features[:8], features[8:12], Controls())
        streamed.append(expression(motion))
        assert models.clip is not None
        clips.append(models.clip(avatar, speech, Controls()))
    moved = np.flatnonzero(np.abs(streamed[1] - streamed[0]).max((0, 2)) > 1e-6)
    assert set(moved) == set(LIPS)
    assert clips[1].shape == clips[0].shape == (20, MOTION_DIM)
    assert np.abs(expression(clips[1]) - expression(clips[0]))[:, LIPS].max() > 1e-6


@pytest.mark.usefixtures("added")
def test_thumbnails_and_bad_photos(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, no picture, tiny, without a face; test_portraits_picture.py has more."""
    _, family = open_family(settings(), print)
    _, thumbnail = asyncio.run(Thumbnails(family).jpeg("my-photo"))
    picture = cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[0] == 512
    with pytest.raises(UnusableAvatarError, match="drawing for the embedded models"):
        family.avatar("mira")
    elsewhere = (home / "My photo.jpg").rename(home / "elsewhere.jpg")
    assert family.avatars.listed() == []
    elsewhere.rename(home / "My photo.jpg")

    (home / "notes.jpg").write_text("no picture")
    cv2.imwrite(str(home / "tiny.png"), np.zeros((20, 300, 3), np.uint8))
    cv2.imwrite(str(home / "wall.png"), np.full((256, 256, 3), 90, np.uint8))

    def nobody(_: object, picture: object) -> None:
        raise NoFaceError("no face was found in the picture; use one that shows a face")

    def refusal(photo: str) -> str:
        result = run("render", "--models", "files", "--avatar", photo, "--text", "Hi")
        assert result.exit_code == 1
        return result.output

    assert "notes: The file is not a JPEG, PNG or WebP picture." in refusal("notes.jpg")
    assert "tiny: The picture has 300x20 pixels" in refusal("tiny.png")
    assert "away.jpg: No such file" in refusal("away.jpg")
    monkeypatch.setattr(FaceLandmarks, "__call__", nobody)
    assert "wall: no face was found" in refusal("wall.png")


def test_a_photo_without_models_is_told_what_to_do() -> None:
    with pytest.raises(FamilyError, match=r"avatar-server avatars add ada\.jpg"):
        open_family(Settings(avatar="ada.jpg"), print)


def test_a_download_without_a_network_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    result = run("models", "download", str(tmp_path / "files"))
    assert result.exit_code == 1
    assert "the hub cannot be reached for lixinyizju/moda" in result.output
