"""LivePortrait's networks against the numbers of the released code (fixtures' tolerances)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from inference.engine import EngineKind, build_engine
from renderer.liveportrait import crop, keypoints
from renderer.liveportrait.decoder import WarpAndGenerate, decoder_inputs
from renderer.liveportrait.motion_extractor import split_heads
from renderer.liveportrait.stitching import Stitching
from tests import published_liveportrait as published
from tests.parity import golden, tensor

pytestmark = [pytest.mark.timeout(1200), pytest.mark.usefixtures("all_cores")]
"""The full networks take minutes where other work has the cores."""

Array = npt.NDArray[np.float32]


def close(actual: Tensor | Array, expected: Array, atol: float, name: str = "") -> None:
    np.testing.assert_allclose(np.asarray(actual), expected, atol=atol, rtol=0, err_msg=name)


def picture(name: str) -> Tensor:
    pixels = torch.from_numpy(golden(name)["image_u8"].copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x[0].flatten(1)
    return flat.mean(1), flat.std(1)


def test_appearance() -> None:
    g = golden("F")
    volume = published.appearance()(picture("F"))
    close(volume[0, :, ::2, ::4, ::4], g["out_s"], 2e-4)
    mean, std = channel_statistics(volume)
    close(mean, g["mean_c"], 2e-4)
    close(std, g["std_c"], 2e-4)


def test_motion() -> None:
    g = golden("M")
    for name, value in split_heads(published.motion()(picture("M"))).items():
        close(value, g[name], 1e-4, name)
        if name in ("pitch", "yaw", "roll"):
            degrees = keypoints.bins_to_degrees(value.numpy())
            close(degrees, g[f"{name}_deg"], 1e-4, name)


def test_warping() -> None:
    g = golden("W")
    network = published.warping()
    source, driven = (torch.from_numpy(g[k]) for k in ("kp_source", "kp_driving"))
    cached = network.source(tensor("input.W.feature_3d", (1, 32, 16, 64, 64)), source)
    motion = network.dense_motion(cached, driven)
    close(motion.occlusion[0, 0], g["occlusion"], 1e-5)
    close(motion.deformation[0, ::2, ::2, ::2], g["deformation_s"], 1e-5)
    close(motion.masks[0, :, ::4, ::8, ::8], g["mask_s"], 1e-5)
    warped = network.warp(cached, motion)
    close(warped[0, :, ::4, ::4], g["out_s"], 2e-4)
    mean, std = channel_statistics(warped)
    close(mean, g["out_mean_c"], 2e-4)
    close(std, g["out_std_c"], 2e-4)


def test_generator() -> None:
    g = golden("G")
    out = published.generator()(tensor("input.G.feature", (1, 256, 64, 64)))
    close(out[0, :, ::8, ::8], g["out_s"], 5e-5)
    close(out[0, :, 200:264, 200:264], g["crop"], 5e-5)
    mean, std = channel_statistics(out)
    close(mean, g["mean_c"], 5e-5)
    close(std, g["std_c"], 5e-5)


ONNX_BY_WISH = pytest.mark.skipif(
    not os.environ.get("AVATAR_TEST_LARGE_ONNX"),
    reason="exports W and G, which takes 45 s; set AVATAR_TEST_LARGE_ONNX=1",
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["eager", pytest.param("onnxruntime", marks=ONNX_BY_WISH)])
def test_portrait_to_picture(engine: EngineKind, tmp_path: Path) -> None:
    """W and G together, by either engine that a CPU has."""
    g = golden("e2e")
    source, driven = (torch.from_numpy(g[k]) for k in ("x_s", "x_d_stitched"))
    warping = published.warping()
    decode = build_engine(
        WarpAndGenerate(warping, published.generator()),
        decoder_inputs(),
        "picture",
        wanted=engine,
        cache=tmp_path,
    )
    cached = warping.source(published.appearance()(picture("e2e")), source)
    out = decode(cached.rows, cached.compressed, cached.keypoints, driven)
    # Noise of 1e-5 on these features (values to 18) moves single pixels of G by up to 1e-3.
    close(out[0, :, ::8, ::8], g["out_s"], 1e-3)
    close(out[0, :, 200:264, 200:264], g["crop"], 1e-3)
    mean, std = channel_statistics(out)
    close(mean, g["mean_c"], 5e-5)
    close(std, g["std_c"], 5e-5)


def test_keypoint_maths() -> None:
    g = golden("keypoints")
    angles = [g[name][:, 0] for name in ("pitch", "yaw", "roll")]
    close(keypoints.rotations(*angles), g["rot"], 1e-5)
    motion = np.concatenate([g["exp"], g["scale"], g["t"], *(a[:, None] for a in angles)], axis=1)
    for i in range(2):
        close(keypoints.transform(g["kp"][i], motion[i : i + 1])[0], g["transformed"][i], 1e-5)
    close(keypoints.bins_to_degrees(g["logits"]), g["degrees"], 1e-5)


def test_stitching_and_retargeting() -> None:
    g = golden("S")
    source, driven = (torch.from_numpy(g[k]) for k in ("kp_source", "kp_driving"))
    stitching = published.keypoint_mlp("retarget_shoulder")
    pairs = torch.cat([source.flatten(1), driven.flatten(1)], dim=1)
    close(stitching(pairs), g["delta"], 1e-5)
    close(Stitching(stitching)(source, driven), g["kp_new"], 1e-5)
    for name, file in (("lip", "retarget_mouth"), ("eye", "retarget_eye")):
        out = published.keypoint_mlp(file)(torch.from_numpy(g[f"{name}_in"]))
        close(out, g[f"{name}_out"], 1e-5)


def test_driven_keypoints_as_moda_assembles_them() -> None:
    g = golden("pipeline")
    angles = [keypoints.bins_to_degrees(g[f"src_{name}"]) for name in ("pitch", "yaw", "roll")]
    source = np.concatenate([g["src_exp"][0], g["src_scale"][0], g["src_t"][0], *angles])
    canonical = g["src_kp"].reshape(21, 3)
    frames = len(g["seq_exp"])
    names = ("exp", "scale", "t", "pitch", "yaw", "roll")
    motion = np.concatenate([g[f"seq_{k}"].reshape(frames, -1) for k in names], axis=1)

    x_s = keypoints.transform(canonical, source[None])
    close(x_s[0], g["x_s"], 1e-5)
    stitching = Stitching(published.keypoint_mlp("retarget_shoulder", last_layer=0.05))
    x_d = stitching(
        torch.from_numpy(x_s).expand(frames, -1, -1),
        torch.from_numpy(keypoints.driven(canonical, source, motion)),
    )
    close(x_d, g["x_d"], 1e-5)


@pytest.mark.parametrize("points", [106, 203, 68, 5])
def test_crop(points: int) -> None:
    g = golden("crop")
    found = crop.find_crop(g[f"pts{points}"])
    close(found.to_crop, g[f"M_o2c{points}"], 1e-2)
    close(found.to_crop[:, :2], g[f"M_o2c{points}"][:, :2], 1e-5)
    np.testing.assert_allclose(found.to_picture, g[f"M_c2o{points}"], atol=1e-2)
    rect = (*found.centre, found.size, found.size, found.angle)
    np.testing.assert_allclose(rect, g[f"rect{points}"], atol=1e-2)
    upright = crop.find_crop(g[f"pts{points}"], rotate=False)
    close(upright.to_crop, g[f"M_o2c_norot{points}"], 1e-2)


def test_other_landmarks_are_refused() -> None:
    with pytest.raises(ValueError, match="7 points"):
        crop.find_crop(np.zeros((7, 2)))


def test_paste_changes_nothing_but_the_face() -> None:
    square = crop.Crop(centre=(300.0, 250.0), size=256.0, angle=0.1)
    original = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    paste = crop.Paste.prepare(square, original)
    white = paste(np.full((512, 512, 3), 255, np.uint8))
    assert (white[:80] == original[:80]).all(), "above the crop"
    assert (white[250, 300] == 255).all(), "its centre"
    smooth = np.broadcast_to(np.linspace(0, 255, 640, dtype=np.float32)[:, None], (480, 640, 3))
    picture = smooth.astype(np.uint8)
    back = crop.Paste.prepare(square, picture)(square.cut(picture))
    assert np.abs(back.astype(int) - picture).max() <= 2, "its own crop leaves a picture as it was"
