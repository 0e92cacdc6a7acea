"""Published files: good ones load, bad ones are refused in one clear sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.weights import CheckpointError, find_file, read_cache, write_cache
from motion.moda import checkpoint as moda
from renderer.liveportrait import checkpoint as liveportrait
from renderer.liveportrait.appearance import AppearanceExtractor
from renderer.liveportrait.folding import fold_appearance
from tests.parity import GOLDEN, golden, manifest
from tests.published_liveportrait import published_state

APPEARANCE = "appearance_feature_extractor"
FILE = f"{APPEARANCE}.pth"


@pytest.fixture
def appearance() -> dict[str, Tensor]:
    return published_state(APPEARANCE)


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        liveportrait.read_network(path, APPEARANCE)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_shapes_in_the_package_are_those_of_the_published_files() -> None:
    shipped = liveportrait.published_shapes()
    for name in (APPEARANCE, "motion_extractor", "warping_module", "spade_generator"):
        assert shipped[name] == manifest(name)
    stored = json.loads((GOLDEN / "manifest_stitching_retargeting_module.json").read_text())
    flat = {f"{net}.{k}": tuple(v["shape"]) for net, mlp in stored.items() for k, v in mlp.items()}
    assert shipped["stitching_retargeting_module"] == flat


def test_a_good_file_survives_the_cache(tmp_path: Path, appearance: dict[str, Tensor]) -> None:
    torch.save(appearance, tmp_path / FILE)
    folded = fold_appearance(liveportrait.read_network(tmp_path / FILE, APPEARANCE))
    write_cache(tmp_path / "cache" / "f.safetensors", folded)
    network = AppearanceExtractor()
    network.load_state_dict(read_cache(tmp_path / "cache" / "f.safetensors"))
    g = golden("F")
    image = torch.from_numpy(g["image_u8"].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        volume = network(image)
    np.testing.assert_allclose(volume[0, :, ::2, ::4, ::4], g["out_s"], atol=2e-4)


def test_wrong_keys_and_shapes_are_all_named(tmp_path: Path, appearance: dict[str, Tensor]) -> None:
    del appearance["second.bias"]
    appearance["first.conv.weight"] = torch.zeros(64, 3, 5, 5)
    appearance["extra"] = torch.zeros(1)
    appearance["second.weight"][0, 0] = float("nan")
    torch.save(appearance, tmp_path / FILE)
    message = refusal(tmp_path / FILE)
    assert "missing key second.bias" in message
    assert "first.conv.weight has shape [64, 3, 5, 5] instead of [64, 3, 3, 3]" in message
    assert "unexpected key extra" in message
    assert "second.weight contains values that are not finite" in message


def test_many_problems_are_counted(tmp_path: Path) -> None:
    torch.save({}, tmp_path / FILE)
    assert refusal(tmp_path / FILE).endswith("and 102 more")


def test_truncated_empty_and_foreign_files_are_refused(
    tmp_path: Path, appearance: dict[str, Tensor]
) -> None:
    path = tmp_path / FILE
    torch.save(appearance, path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>404</html>", whole[:10]):
        path.write_bytes(content)
        assert "truncated or not a file of weights" in refusal(path)
    torch.save([1, 2], path)
    assert "holds a list" in refusal(path)
    path.unlink()
    assert "no such file" in refusal(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_names_are_refused(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / FILE
    torch.save({"weight": torch.ones(1)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes().replace(b"weight", b"\xff\xfeight"))
    assert "truncated or not a file of weights" in refusal(path)


def test_keys_that_are_no_names_are_unexpected_ones(tmp_path: Path) -> None:
    torch.save({0: torch.ones(1)}, tmp_path / FILE)
    assert "unexpected key 0" in refusal(tmp_path / FILE)


class Payload:
    """Runs a command when it is unpickled by a loader that trusts files."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"first": Payload(tmp_path / "executed")}, tmp_path / FILE)
    assert "could run code" in refusal(tmp_path / FILE)
    assert not (tmp_path / "executed").exists()


def test_files_are_found_at_any_depth_but_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no file net-200\.pth"):
        find_file(tmp_path, "net-200.pth")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net-200.pth").touch()
        if folder == "a":
            assert find_file(tmp_path, "net-200.pth") == tmp_path / "a" / "net-200.pth"
    with pytest.raises(CheckpointError, match="more than one"):
        find_file(tmp_path, "net-200.pth")


def test_nothing_is_kept_of_a_bad_set(tmp_path: Path, appearance: dict[str, Tensor]) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    source.mkdir()
    torch.save(appearance, source / FILE)
    with pytest.raises(CheckpointError, match=r"no file motion_extractor\.pth"):
        liveportrait.add(source, cache)
    assert not cache.exists()


def test_stitching_comes_out_of_the_file_of_three(tmp_path: Path) -> None:
    shapes = liveportrait.published_shapes()["stitching_retargeting_module"]
    nets: dict[str, dict[str, Tensor]] = {}
    for key, shape in shapes.items():
        net, _, name = key.partition(".")
        nets.setdefault(net, {})[f"module.{name}"] = torch.full(shape, float(len(nets)))
    torch.save(nets, tmp_path / "s.pth")
    state = liveportrait.read_stitching(tmp_path / "s.pth")
    assert state["mlp.0.weight"].shape == (128, 126)
    assert len(state) == 8


@pytest.fixture(scope="module")
def moda_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published layout with one stored number per tensor, so that it is small."""
    tensors = {key: torch.ones(1).expand(shape) for key, shape in manifest("moda_net").items()}
    for optional in ("null_audio_feat", "null_motion_feat", "scheduler.sigmas"):
        del tensors[optional]
    path = tmp_path_factory.mktemp("moda") / "net-200.pth"
    torch.save({"state_dict": {f"module.{k}": v for k, v in tensors.items()}}, path)
    return path


def test_moda_without_its_optional_keys_and_in_a_nest(moda_file: Path) -> None:
    network = moda.build(moda.read_network(moda_file))
    assert sum(p.numel() for p in network.parameters()) == 372_984_716 - 70
    assert torch.equal(network.null_audio, moda.default_null_audio())
    assert float(moda.default_null_audio().std()) == pytest.approx(1.0, abs=0.1)


def test_moda_with_another_audio_encoder_is_named(tmp_path: Path, moda_file: Path) -> None:
    stored = torch.load(moda_file, weights_only=True)["state_dict"]
    stored["module.talking_head_dit.audio_embedder.proj1.weight"] = torch.zeros(768, 12288)
    path = tmp_path / "net-200.pth"
    torch.save(stored, path)
    with pytest.raises(CheckpointError, match=r"\[768, 12288\] instead of \[768, 9216\]"):
        moda.read_network(path)


def test_statistics(tmp_path: Path) -> None:
    released = moda.released_statistics()
    tensors = {n: torch.from_numpy(getattr(released, n)).reshape(1, 70) for n in ("mean", "std")}
    torch.save(tensors, tmp_path / "mean.pt")
    statistics = moda.read_statistics(tmp_path / "mean.pt")
    np.testing.assert_array_equal(statistics.mean, released.mean)
    torch.save({"mean": tensors["mean"]}, tmp_path / "mean.pt")
    with pytest.raises(CheckpointError, match="missing key std"):
        moda.read_statistics(tmp_path / "mean.pt")
