"""Portraits of the published family: pictures in, prepared avatars, frames out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from motion.layout import SCALE, neutral_motion
from renderer.liveportrait.avatar import load_avatar, picture_key, prepare, save_avatar
from renderer.liveportrait.checkpoint import LivePortrait
from renderer.liveportrait.decoder import LivePortraitRenderer
from renderer.liveportrait.picture import network_picture
from renderer.liveportrait.stitching import Stitching
from tests import published_liveportrait as published

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


def test_cache_keys_tell_pictures_and_models_apart(portrait: Picture) -> None:
    keys = {
        picture_key(portrait, "a"),
        picture_key(portrait, "b"),
        picture_key(portrait[::-1], "a"),
    }
    assert len(keys) == 3
    assert picture_key(portrait.copy(), "a") in keys


def test_frames_of_several_avatars_share_batches_in_order(
    networks: LivePortrait, portrait: Picture
) -> None:
    """A decoder that paints each frame with its own keypoints shows who was drawn when."""
    batches: list[int] = []

    def decode(rows: Tensor, compressed: Tensor, source: Tensor, moved: Tensor) -> Tensor:
        batches.append(len(moved))
        shade = (moved[:, 0, 0] - source[:, 0, 0]).sigmoid()
        return shade.view(-1, 1, 1, 1).expand(-1, 3, 512, 512)

    renderer = LivePortraitRenderer(Stitching(networks.stitching), decode, batch=2)
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

    motion[2, 64] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        renderer.draw([avatars[0]] * 3, motion)
    assert batches[-1] == 2, "nothing was decoded for it"


def test_pictures_come_out_as_rgb_even_and_limited() -> None:
    """What else they may be like, tests/test_portraits_picture.py has."""
    red = np.zeros((301, 4001, 3), np.uint8)
    red[..., 2] = 200
    picture = network_picture(cv2.imencode(".png", red)[1].tobytes())
    assert picture.shape == (144, 1920, 3)
    assert picture[10, 10].tolist() == [200, 0, 0]
    odd = cv2.imencode(".png", red[:, :299])[1].tobytes()
    assert network_picture(odd).shape == (300, 298, 3)
