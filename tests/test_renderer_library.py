"""Avatars on disk: what ships, and clear words for folders that cannot be used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from motion.keypoints import EYE_DISTANCE, Keypoint
from renderer.avatar import load_avatar
from renderer.contract import UnknownAvatarError
from renderer.library import BUILT_IN, avatar_names, open_avatar
from renderer.portrait import PortraitError, read_portrait
from tests.embedded_face import mira


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILT_IN / "mira", tmp_path / "copy"))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "avatar.json"
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))


def test_mira_ships() -> None:
    assert "mira" in avatar_names()
    avatar = mira()
    assert (avatar.name, avatar.size) == ("mira", 512)
    assert avatar.canonical.shape == (21, 3)
    eyes = avatar.canonical[[Keypoint.LID_LEFT, Keypoint.LID_RIGHT], 0]
    assert eyes[1] - eyes[0] == pytest.approx(EYE_DISTANCE, abs=1e-3)
    assert not avatar.canonical.flags.writeable


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownAvatarError, match=r"there is no avatar 'nobody'.*mira"):
        open_avatar("nobody")


@pytest.mark.parametrize("size", [0, 100, 500, 2048])
def test_sizes_that_are_not_offered(size: int) -> None:
    with pytest.raises(ValueError, match="multiple of 64"):
        load_avatar(BUILT_IN / "mira", size)


@pytest.mark.parametrize("name", ["avatar.json", "maps.safetensors", "face.png"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(PortraitError, match=f"{name} is missing"):
        read_portrait(folder)


def test_wrong_version(folder: Path) -> None:
    rewrite(folder, lambda d: d.update(version=99))
    with pytest.raises(PortraitError, match="version 99"):
        read_portrait(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["keypoints"].pop("JAW"), "JAW"),
        (lambda d: d["keypoints"].update(JAW=[0.0, 1.0]), "avatar.json"),
        (lambda d: d["keypoints"].update(JAW=[0.0, 1.0, float("nan")]), "finite"),
        (lambda d: d.pop("seam"), "'seam' is missing"),
        (lambda d: d.update(seam=[[0.0, 0.0]]), "shape"),
        (lambda d: d["eyes"]["left"].update(open=[0.0, 0.0]), "shape"),
        (lambda d: d.update(pivot="middle"), "avatar.json"),
        (lambda d: d.update(pivot=[float("nan"), 1.0]), "finite"),
        (lambda d: d.update(picture=float("inf")), "avatar.json"),
        (lambda d: d.update(unit=10**400), "avatar.json"),
        (lambda d: d["keypoints"].update(JAW=[10**400, 0, 0]), "avatar.json"),
        (lambda d: d.update(source={key.name: [10**400, 0] for key in Keypoint}), "avatar.json"),
        (lambda d: d.update(title="\ud800"), "title"),
        (lambda d: d.update(title="x" * 100_000), "title"),
        (lambda d: d.update(title=["Mira"]), "title"),
    ],
)
def test_bad_descriptions(
    folder: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(PortraitError, match=words):
        read_portrait(folder)


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_description_that_is_not_json(folder: Path, text: str) -> None:
    (folder / "avatar.json").write_text(text)
    with pytest.raises(PortraitError, match="cannot be read"):
        read_portrait(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(seam=[[1e6 * x, 1e6 * y] for x, y in d["seam"]]),
        lambda d: d.update(keypoints={name: [0.0] * 3 for name in d["keypoints"]}),
        lambda d: d.update(keypoints={n: [1e6 * v for v in p] for n, p in d["keypoints"].items()}),
    ],
)
def test_measures_that_make_no_face(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    rewrite(folder, change)
    with pytest.raises(PortraitError, match="measures"):
        load_avatar(folder, 256)


def test_layer_of_another_size(folder: Path) -> None:
    cv2.imwrite(str(folder / "hair.png"), np.zeros((64, 32, 4), np.uint8))
    with pytest.raises(PortraitError, match=r"hair\.png is 32x64"):
        read_portrait(folder)


def test_layer_that_is_no_picture(folder: Path) -> None:
    (folder / "hair.png").write_text("not a picture")
    with pytest.raises(PortraitError, match=r"hair\.png is not a picture"):
        read_portrait(folder)


def test_missing_and_misshapen_maps(folder: Path) -> None:
    path = folder / "maps.safetensors"
    maps = load_file(path)
    save_file({**maps, "hair.depth": np.zeros((3, 4), np.float32)}, path)
    with pytest.raises(PortraitError, match=r"hair\.depth"):
        read_portrait(folder)
    save_file({name: np.zeros((1, 1), np.float32) for name in maps}, path)
    with pytest.raises(PortraitError, match="measures"):
        load_avatar(folder, 256)
    maps.pop("plate.body")
    save_file(maps, path)
    with pytest.raises(PortraitError, match=r"plate\.body"):
        read_portrait(folder)


def test_maps_of_an_unknown_type(folder: Path) -> None:
    entry = {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}
    header = json.dumps({"face.depth": entry}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / "maps.safetensors").write_bytes(content)
    with pytest.raises(PortraitError, match="cannot be read"):
        read_portrait(folder)
