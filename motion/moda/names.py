"""What the published checkpoint calls the parameters of our network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from motion.moda.config import MoDAConfig

PREFIX: Final = "talking_head_dit."
"""What the names of the network's tensors start with in the published file."""

NULL_AUDIO: Final = "null_audio_feat"
"""Tensor [1, 1, 1, 1, features], outside the prefix and absent from some checkpoints."""


def published_name(parameter: str, config: MoDAConfig) -> str:
    """The published name of our ``parameter``. Raises KeyError where there is none."""
    if parameter == "null_audio":
        return NULL_AUDIO
    if parameter == "emotion_table":
        return f"{PREFIX}emo_embedder.embedding_table.weight"
    module, _, leaf = parameter.rpartition(".")
    return f"{PREFIX}{_modules(config)[module]}.{leaf}"


@lru_cache
def _modules(config: MoDAConfig) -> dict[str, str]:
    """Our modules with parameters -> published modules, without the prefix."""
    return dict(_embedders()) | dict(_blocks(config))


def _embedders() -> Iterator[tuple[str, str]]:
    for layer in (0, 2):
        yield f"motion_embedder.{layer}", f"motion_embedder.mlp.{layer}"
        yield f"identity_embedder.{layer}", f"identity_embedder.mlp.{layer}"
        yield f"time_embedder.mlp.{layer}", f"time_embedder.mlp.{layer}"
    for layer, name in ((0, "proj1"), (2, "proj2"), (4, "proj3"), (5, "norm")):
        yield f"audio_embedder.layers.{layer}", f"audio_embedder.{name}"


def _blocks(config: MoDAConfig) -> Iterator[tuple[str, str]]:
    for i in range(config.four_stream):
        for stream, number in enumerate(("", "1", "2", "3")):
            yield from _stream(f"four_stream.{i}.streams.{stream}", f"blocks4.{i}", stream, number)
    for i in range(config.two_stream):
        for stream in range(2):
            yield from _stream(f"two_stream.{i}.streams.{stream}", f"blocks2.{i}", stream, "")
    for i in range(config.single_stream):
        ours, theirs = f"single_stream.{i}", f"blocks.{i}"
        yield f"{ours}.heads.q", f"{theirs}.attn1.xs_q_norm"
        yield f"{ours}.heads.k", f"{theirs}.attn1.xs_k_norm"
        yield f"{ours}.qkv_mlp", f"{theirs}.qkv_xs"
        yield f"{ours}.project", f"{theirs}.linear2"
        yield f"{ours}.adaln.linear", f"{theirs}.adaLN_modulation_xs.1"
    yield "head.adaln.linear", "final_layer.adaLN_modulation.1"
    yield "head.linear", "final_layer.linear"


def _stream(ours: str, block: str, stream: int, number: str) -> Iterator[tuple[str, str]]:
    """One stream of a joint block: stream 0 is motion ("xs"), the others count as audio."""
    short, long = ("xs", "xs") if stream == 0 else ("au", "audio")
    yield f"{ours}.qkv", f"{block}.attn1.qkv_{short}{number}"
    yield f"{ours}.heads.q", f"{block}.attn1.{short}_q_norm{number}"
    yield f"{ours}.heads.k", f"{block}.attn1.{short}_k_norm{number}"
    yield f"{ours}.project", f"{block}.attn1.{short}_proj{number}"
    yield f"{ours}.mlp.0", f"{block}.{long}_mlp{number}.fc1"
    yield f"{ours}.mlp.2", f"{block}.{long}_mlp{number}.fc2"
    yield f"{ours}.adaln.linear", f"{block}.adaLN_modulation_{long}{number}.1"
