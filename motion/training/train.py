"""Train the causal MoDA on a corpus of :mod:`motion.training.corpus`.

    python -m motion.training.train --corpus build/corpus --out build/run

First the sync expert, then the audio embedder alone, then the whole network. Stops after
``--steps`` or ``--minutes``, whichever comes first; the learning rate follows. Started again with
the same ``--out`` it goes on where it was. Leaves ``curve.jsonl`` and ``causal.safetensors`` in
``--out``.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from motion.moda.blocks import AdaLN
from motion.moda.causal import LOOKAHEAD
from motion.moda.config import CAUSAL, MoDAConfig
from motion.moda.layers import ConvolutionAudioEmbedder
from motion.moda.network import MoDA
from motion.moda.trained import TrainedModel, save_model
from motion.training.dataset import Corpus
from motion.training.objective import FlowObjective
from motion.training.probe import Probe
from motion.training.sync import SYNC_FILE, SyncExpert, load_expert, save_expert, train_expert
from motion.training.variation import vary

_EMA: Final = 0.998
_CHECKPOINT_SECONDS: Final = 60.0
_REPORT_EVERY: Final = 100


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how."""

    steps: int = 20_000
    minutes: float = math.inf
    embedder_share: float = 0.55
    """Part of the time in which only the audio embedder is trained."""
    thaw_share: float = 0.85
    """From the end of that until here only the rest of the network is trained, which is cheaper."""
    batch: int = 16
    frames: int = 32
    embedder_batch: int = 16
    embedder_frames: int = 96
    rate: float = 1e-3
    seed: int = 0


@dataclass(slots=True)
class Progress:
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


def new_network(config: MoDAConfig, seed: int, kind: Callable[[MoDAConfig], MoDA] = MoDA) -> MoDA:
    """A network whose blocks do nothing yet (adaLN-Zero)."""
    torch.manual_seed(seed)
    network = kind(config)
    for module in network.modules():
        if isinstance(module, AdaLN):
            nn.init.zeros_(module.linear.weight)
            nn.init.zeros_(module.linear.bias)
    nn.init.zeros_(network.head.linear.weight)
    nn.init.zeros_(network.head.linear.bias)
    with torch.no_grad():
        network.emotion_table.mul_(0.3)
    return network


class Trainer:
    """The state of a training run; :meth:`train` goes on from wherever it is."""

    def __init__(
        self,
        corpus: Corpus,
        schedule: Schedule,
        network: MoDA,
        device: str = "cpu",
        expert: SyncExpert | None = None,
    ) -> None:
        """Train ``network``, for one a :func:`new_network`."""
        self.corpus, self.schedule, self.device = corpus, schedule, device
        self.network = network.to(device)
        embedder = self.network.audio_embedder
        if not isinstance(embedder, ConvolutionAudioEmbedder):
            raise ValueError("the causal model needs the convolution audio embedder")
        self._past = embedder.past
        self.probe = Probe(network.config, corpus.statistics).to(device)
        self._parameters = [*self.network.parameters(), *self.probe.parameters()]
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=schedule.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.average = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.objective = FlowObjective(corpus.statistics, device=device, expert=expert)
        self.progress = Progress()

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1."""
        done = self.progress
        return max(done.step / self.schedule.steps, done.seconds / 60.0 / self.schedule.minutes)

    def compile(self) -> None:
        """Have the blocks compiled at the first step: minutes once, then cheaper steps."""
        network = self.network
        blocks = (network.four_stream, network.two_stream, network.single_stream)
        for module in (network.audio_embedder, *itertools.chain(*blocks), network.head):
            module.compile(dynamic=False)

    def train(self, out: Path) -> None:
        """Train to the end of the schedule, with checkpoints and the curve in ``out``."""
        out.mkdir(parents=True, exist_ok=True)
        saved = time.monotonic()
        losses: list[float] = []
        while self.share < 1.0:
            began = time.monotonic()
            losses.append(self.step())
            self.progress.seconds += time.monotonic() - began
            if self.progress.step % _REPORT_EVERY == 0:
                self._report(out, float(np.mean(losses)))
                losses.clear()
            if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                self.save(out / "checkpoint.pt")
                saved = time.monotonic()
        self.save(out / "checkpoint.pt")

    def step(self) -> float:
        """One update; returns its loss."""
        random = np.random.default_rng((self.schedule.seed, self.progress.step))
        embedder_only = self.share < self.schedule.embedder_share
        tuned = embedder_only or self.share >= self.schedule.thaw_share
        self.network.audio_embedder.requires_grad_(tuned)
        rate = self.schedule.rate * self._rate_factor(embedder_only)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._embedder_loss(random) if embedder_only else self._loss(random)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        self._update_average()
        self.progress.step += 1
        return float(loss.detach())

    def held_out_loss(self, batches: int = 4) -> float:
        """Loss of the averaged weights on the clips that are kept aside."""
        network = self.trained().network.to(self.device)
        total = 0.0
        with torch.no_grad():
            for i in range(batches):
                random = np.random.default_rng((1 << 40, i))
                batch = self.corpus.batch(
                    self.schedule.batch, self.schedule.frames, self._past, LOOKAHEAD, random,
                    held_out=True,
                )  # fmt: skip
                total += float(self.objective(network, batch, random))
        return total / batches

    def trained(self) -> TrainedModel:
        """The model with averaged weights."""
        network = copy.deepcopy(self.network).cpu()
        network.load_state_dict(self.average)
        facts = {
            "trained_on": str(datetime.now(UTC).date()),
            "device": self.device,
            "minutes": f"{self.progress.seconds / 60.0:.1f}",
            "steps": str(self.progress.step),
            "seed": str(self.schedule.seed),
            "corpus_clips": str(self.corpus.clips),
        }
        return TrainedModel(network.requires_grad_(False).eval(), self.corpus.statistics, facts)

    def save(self, path: Path) -> None:
        """Everything that :meth:`load` needs to go on."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "probe": self.probe.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "step": self.progress.step,
            "seconds": self.progress.seconds,
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.probe.load_state_dict(state["probe"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.progress = Progress(state["step"], state["seconds"])

    def _rate_factor(self, embedder_only: bool) -> float:
        """Warm-up and cosine decay, once for each of the two phases."""
        split = self.schedule.embedder_share
        inside = self.share / split if embedder_only else (self.share - split) / (1.0 - split)
        floor = 0.2 if embedder_only else 0.02
        return min(1.0, inside / 0.02 + 0.01) * (
            floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * min(inside, 1.0)))
        )

    def _embedder_loss(self, random: np.random.Generator) -> Tensor:
        schedule = self.schedule
        batch = self.corpus.batch(
            schedule.embedder_batch, schedule.embedder_frames, self._past, LOOKAHEAD, random
        )
        batch = vary(batch, self._generator(random))
        loss: Tensor = self.probe(self.network.audio_embedder(batch.audio), batch)
        return loss

    def _loss(self, random: np.random.Generator) -> Tensor:
        schedule = self.schedule
        batch = self.corpus.batch(schedule.batch, schedule.frames, self._past, LOOKAHEAD, random)
        batch = vary(batch, self._generator(random))
        return self.objective(self.network, batch, random)

    def _generator(self, random: np.random.Generator) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(int(random.integers(1 << 62)))

    def _update_average(self) -> None:
        decay = min(_EMA, self.progress.step / (self.progress.step + 10.0))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1.0 - decay)

    def _report(self, out: Path, loss: float) -> None:
        entry: dict[str, float] = {
            "step": self.progress.step,
            "minutes": round(self.progress.seconds / 60.0, 2),
            "share": round(self.share, 4),
            "loss": round(loss, 4),
        }
        if self.share >= self.schedule.embedder_share:
            entry["held_out"] = round(self.held_out_loss(), 4)
        with (out / "curve.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")


def main() -> None:
    usual = Schedule()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=usual.steps)
    parser.add_argument("--minutes", type=float, default=usual.minutes)
    parser.add_argument("--embedder-share", type=float, default=usual.embedder_share)
    parser.add_argument("--thaw-share", type=float, default=usual.thaw_share)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true", help="worth it for runs of over an hour")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    schedule = Schedule(
        steps=options.steps,
        minutes=options.minutes,
        embedder_share=options.embedder_share,
        thaw_share=options.thaw_share,
        seed=options.seed,
    )
    corpus = Corpus(options.corpus, options.device)
    if not (options.out / SYNC_FILE).exists():
        save_expert(options.out / SYNC_FILE, train_expert(corpus, seed=options.seed))
    expert = load_expert(options.out / SYNC_FILE).to(options.device)
    network = new_network(CAUSAL, options.seed)
    trainer = Trainer(corpus, schedule, network, options.device, expert)
    checkpoint = options.out / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    if options.compile:
        trainer.compile()
    trainer.train(options.out)
    save_model(options.out / "causal.safetensors", trainer.trained())


if __name__ == "__main__":
    main()
