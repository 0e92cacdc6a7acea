"""What each part of the causal MoDA contributes: the same short training with and without it.

    python -m benchmarks.ablations --corpus build/corpus --run build/run --json

Every variant starts with the frozen audio embedder of a finished run and trains the rest of the
network on the same batches in the same order. The figures are those of ``benchmarks.choices``, on
its voices. A short training does not reach the finished model, so compare rows with the first row
only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from benchmarks.choices import Choice, measure, voices
from benchmarks.cross_attention import CrossAttentionMoDA
from benchmarks.report import show
from motion.generator import CausalMoDA
from motion.moda.config import CAUSAL, MoDAConfig
from motion.moda.network import MoDA
from motion.moda.trained import TrainedModel, load_model
from motion.training.dataset import Corpus
from motion.training.sync import SYNC_FILE, SyncExpert, load_expert
from motion.training.train import Schedule, Trainer, new_network
from renderer.library import avatar_names, open_avatar


@dataclass(frozen=True, slots=True)
class Variant:
    config: MoDAConfig = CAUSAL
    network: Callable[[MoDAConfig], MoDA] = MoDA
    expert: bool = True
    """Whether the sync expert takes part in the loss (the paper's ALSE)."""


_WHOLE_WINDOW: Final = 64
VARIANTS: Final[Mapping[str, Variant]] = {
    "shipped": Variant(),
    "cross_attention": Variant(network=CrossAttentionMoDA),
    "four_streams": Variant(replace(CAUSAL, four_stream=4, two_stream=0, single_stream=0)),
    "no_audio_window": Variant(replace(CAUSAL, audio_before=_WHOLE_WINDOW)),
    "no_sync_expert": Variant(expert=False),
}


def train(
    variant: Variant, corpus: Corpus, embedder: MoDA, expert: SyncExpert, steps: int, seed: int
) -> TrainedModel:
    """Train a network of ``variant`` that takes over another's audio embedder."""
    schedule = Schedule(steps=steps, embedder_share=0.0, thaw_share=1.0, seed=seed)
    network = new_network(variant.config, seed, variant.network)
    network.audio_embedder.load_state_dict(embedder.audio_embedder.state_dict())
    trainer = Trainer(corpus, schedule, network, expert=expert if variant.expert else None)
    while trainer.share < 1.0:
        trainer.step()
    return trainer.trained()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="motion.training.train's output")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sentences", type=int, default=12, help="sentences per kind of voice")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    options = parser.parse_args()

    torch.set_num_threads(1)
    corpus = Corpus(options.corpus)
    finished = load_model(options.run / "causal.safetensors").network
    expert = load_expert(options.run / SYNC_FILE)
    identity = open_avatar(avatar_names()[0], 256)
    speech = voices(options.sentences)
    results: dict[str, float] = {}
    for name in options.only:
        model = train(VARIANTS[name], corpus, finished, expert, options.steps, options.seed)
        results[f"{name}.parameters"] = sum(p.numel() for p in model.network.parameters())
        for kind, utterances in speech.items():
            figures = measure(CausalMoDA.in_torch(model), Choice(), identity, utterances)
            results |= {f"{name}.{kind}.{key}": value for key, value in figures.items()}
            sys.stderr.write(f"{name} {kind} {figures}\n")
    show("ablations", results, as_json=options.json)


if __name__ == "__main__":
    main()
