"""Portraits of the published family: pictures in, prepared avatars, frames out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import published_liveportrait as published
import pytest
import torch
from torch import Tensor

from motion.layout import SCALE, neutral_motion
from renderer.liveportrait.avatar import load_avatar, picture_key, prepare, save_avatar
from renderer.liveportrait.checkpoint import LivePortrait
from renderer.liveportrait.decoder import LivePortraitRenderer
from renderer.liveportrait.picture import PictureError, read_picture

Picture = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def networks() -> LivePortrait:
    return LivePortrait(
        appearance=published.appearance(),
        motion=published.motion(),
        warping=published.warping(),
        generator=published.generator(),
        stitching=published.keypoint_mlp("retarget_shoulder", last_layer=0.05),
    )


@pytest.fixture(scope="module")
def portrait() -> Picture:
    x, y = np.meshgrid(np.arange(320), np.arange(240))
    return np.stack([x % 256, y % 256, (x + y) % 256], axis=-1).astype(np.uint8)


def test_a_prepared_avatar_survives_the_disk(
    networks: LivePortrait, portrait: Picture, tmp_path: Path
) -> None:
    avatar = prepare(networks, portrait, None, name="ada", title="Ada")
    assert avatar.canonical.shape == (21, 3)
    assert avatar.crop.size == 240
    save_avatar(avatar, tmp_path / "ada.safetensors")
    again = load_avatar(tmp_path / "ada.safetensors", name="ada", title="Ada")
    np.testing.assert_array_equal(again.motion, avatar.motion)
    assert torch.equal(again.source.rows, avatar.source.rows)
    assert again.crop == avatar.crop
    assert (again.name, again.title, again.size) == ("ada", "Ada", 512)


def test_cache_keys_tell_pictures_landmarks_and_models_apart(portrait: Picture) -> None:
    points = np.zeros((106, 2))
    keys = {
        picture_key(portrait, None, "a"),
        picture_key(portrait, None, "b"),
        picture_key(portrait, points, "a"),
        picture_key(portrait[::-1], None, "a"),
    }
    assert len(keys) == 4
    assert picture_key(portrait.copy(), None, "a") in keys


def test_frames_of_several_avatars_share_batches_in_order(
    networks: LivePortrait, portrait: Picture
) -> None:
    """A decoder that paints each frame with its own keypoints shows who was drawn when."""
    batches: list[int] = []

    def decode(rows: Tensor, compressed: Tensor, source: Tensor, moved: Tensor) -> Tensor:
        batches.append(len(moved))
        shade = (moved[:, 0, 0] - source[:, 0, 0]).sigmoid()
        return shade.view(-1, 1, 1, 1).expand(-1, 3, 512, 512)

    renderer = LivePortraitRenderer(networks.stitching, decode, batch=2)
    avatars = [
        prepare(networks, picture, None, name=str(i))
        for i, picture in enumerate((portrait, portrait[::-1].copy()))
    ]
    motion = neutral_motion(3)
    motion[:, 64] = (0.0, 0.5, -0.5)
    pictures = renderer.draw([avatars[0], avatars[1], avatars[0]], motion)
    assert batches == [2, 1]
    alone = [renderer.draw([avatars[i]], motion[k : k + 1])[0] for k, i in enumerate((0, 1, 0))]
    assert np.abs(pictures.astype(int) - np.stack(alone)).max() <= 1
    motion[:, SCALE] = 3.0
    assert (renderer.draw([avatars[0], avatars[1], avatars[0]], motion) == pictures).all(), (
        "the predicted scale is not used"
    )

    frames = renderer.render(avatars[0], motion)
    assert frames.shape == (3, 768, 512)
    luma = frames[:, :512].mean(axis=(1, 2))
    assert luma[1] > luma[0] > luma[2]


def write(path: Path, picture: Picture, *flags: int) -> Path:
    assert cv2.imwrite(str(path), picture, list(flags))
    return path


def test_pictures_come_out_upright_opaque_even_and_limited(tmp_path: Path) -> None:
    huge = read_picture(write(tmp_path / "huge.jpg", np.zeros((100, 4001, 3), np.uint8) + 9))
    assert huge.shape == (48, 1920, 3)

    red = np.zeros((101, 99, 4), np.uint8)
    red[..., 2] = 200
    red[:50, :, 3] = 255
    opaque = read_picture(write(tmp_path / "alpha.png", red))
    assert opaque.shape == (100, 98, 3)
    assert opaque[10, 10].tolist() == [200, 0, 0]
    assert opaque[90, 10].tolist() == [255, 255, 255]

    grey = read_picture(write(tmp_path / "grey.png", np.full((80, 80), 7, np.uint8)))
    assert grey.shape == (80, 80, 3)


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """``jpeg`` with an EXIF segment that says how the camera was held."""
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00"
    tiff += orientation.to_bytes(2, "little") + b"\x00\x00\x00\x00\x00\x00"
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


def test_exif_rotation_is_undone(tmp_path: Path) -> None:
    lying = np.zeros((80, 120, 3), np.uint8)
    lying[:, :60] = 255
    path = write(tmp_path / "phone.jpg", lying)
    path.write_bytes(with_exif_orientation(path.read_bytes(), 6))
    upright = read_picture(path)
    assert upright.shape == (120, 80, 3)
    assert upright[10].min() > 250
    assert upright[-10].max() < 5


def test_bad_pictures_are_refused_in_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    empty = tmp_path / "empty.png"
    empty.touch()
    tiny = write(tmp_path / "tiny.png", np.zeros((20, 300, 3), np.uint8))
    for path, reason in (
        (text, "not a picture"),
        (empty, "not a picture"),
        (tiny, "300x20 pixels are too few"),
        (tmp_path / "absent.png", "No such file"),
    ):
        with pytest.raises(PictureError, match=reason):
            read_picture(path)
