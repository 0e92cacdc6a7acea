"""Training: windows, the objective, a run that learns, resuming, shipping."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from motion.layout import neutral_motion
from motion.moda.config import CAUSAL
from motion.moda.trained import ModelFileError, load_model, save_model
from motion.training.corpus import random_clip, write_shard
from motion.training.dataset import Corpus
from motion.training.objective import random_partition
from motion.training.ship import averaged
from motion.training.train import Schedule, Trainer, new_network

TINY = replace(CAUSAL, width=32, heads=2, audio_channels=32, audio_dilations=(1, 2))
SCHEDULE = Schedule(
    steps=60, embedder_share=0.5, thaw_share=0.5, batch=8, frames=16, embedder_batch=8,
    embedder_frames=48, rate=3e-3,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    write_shard(path / "000.npz", [random_clip([], random) for _ in range(6)])
    return path


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return Corpus(folder)


def test_shards_give_back_what_was_stored(folder: Path, corpus: Corpus) -> None:
    clip = random_clip([], np.random.default_rng(0))
    batch = corpus.batch(64, 20, 6, 2, np.random.default_rng(1))
    assert batch.audio.shape == (64, 28, 1, 160)
    motion = corpus.statistics.denormalise(batch.motion.numpy())
    assert motion.shape == (64, 21, 70)
    assert np.abs(motion.mean((0, 1)) - clip.motion.mean(0))[:63].max() < 0.05
    assert abs(motion[..., 63].mean() - neutral_motion()[0, 63]) < 0.01
    stored = np.load(folder / "000.npz")["motion"].astype(np.float32) + neutral_motion()
    window = motion[0, :, 67]
    assert any(
        np.allclose(row[i : i + 21, 67], window, atol=2e-3)
        for row in stored
        for i in range(300 - 20)
    )


def test_without_shards_the_corpus_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"motion\.training\.corpus"):
        Corpus(tmp_path)


def test_partitions_cover_the_window_with_chunks() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        partition = random_partition(32, random)
        chunk_of, start = partition.chunk_of.numpy(), partition.start.numpy()
        assert len(chunk_of) == len(start) == 32
        assert (np.diff(chunk_of) >= 0).all()
        for chunk in np.unique(chunk_of):
            frames = np.flatnonzero(chunk_of == chunk)
            assert (start[frames] == frames[0]).all()
            assert len(frames) <= 9


def test_a_short_run_lowers_the_loss_on_held_out_clips(corpus: Corpus, tmp_path: Path) -> None:
    trainer = Trainer(corpus, SCHEDULE, new_network(TINY, 0))
    before = trainer.held_out_loss(2)
    trainer.train(tmp_path)
    assert trainer.progress.step == 60
    assert trainer.held_out_loss(2) < 0.9 * before


def test_a_resumed_run_ends_where_an_unbroken_one_does(corpus: Corpus, tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, steps=8)
    whole = Trainer(corpus, schedule, new_network(TINY, 0))
    for _ in range(8):
        whole.step()
    broken = Trainer(corpus, schedule, new_network(TINY, 0))
    for _ in range(5):
        broken.step()
    broken.save(tmp_path / "checkpoint.pt")
    resumed = Trainer(corpus, replace(schedule), new_network(TINY, 0))
    resumed.load(tmp_path / "checkpoint.pt")
    for _ in range(3):
        resumed.step()
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(resumed.network.state_dict()[name], value)


def test_the_curve_is_logged(corpus: Corpus, tmp_path: Path) -> None:
    Trainer(corpus, replace(SCHEDULE, steps=100, batch=2, frames=8), new_network(TINY, 0)).train(
        tmp_path
    )
    entries = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert entries[-1]["step"] == 100
    assert entries[-1]["held_out"] > 0


def test_model_files_keep_weights_sizes_and_facts(corpus: Corpus, tmp_path: Path) -> None:
    model = Trainer(corpus, SCHEDULE, new_network(TINY, 0)).trained()
    save_model(tmp_path / "model.safetensors", model)
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.network.config == TINY
    assert loaded.facts["seed"] == "0"
    np.testing.assert_allclose(loaded.statistics.std, model.statistics.std)
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], value, atol=2e-3, rtol=2e-3)


def test_two_runs_are_averaged(corpus: Corpus) -> None:
    one, other = (Trainer(corpus, SCHEDULE, new_network(TINY, seed)).trained() for seed in (0, 1))
    mean = averaged(one, other)
    for name, value in mean.network.state_dict().items():
        ones, others = one.network.state_dict()[name], other.network.state_dict()[name]
        torch.testing.assert_close(value, (ones + others) / 2)
    wider = Trainer(corpus, SCHEDULE, new_network(replace(TINY, width=64), 0)).trained()
    with pytest.raises(ValueError, match="same sizes"):
        averaged(one, wider)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"not a model")
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "x.safetensors")
