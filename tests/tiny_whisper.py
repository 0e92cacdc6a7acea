"""A Whisper with random weights and a tiny vocabulary, made in a moment: it hears gibberish, but
always the same for the same sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import WhisperSpec, common_spec

_WIDTH = 32
_WORDS = ["pa", "ti", "ku", "mo", "le", "sa", "ne", "do", "ri", "fu"]
_SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"]
_SPECIAL += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
_TIMES = [f"<|{i * 0.02:.2f}|>" for i in range(1501)]


def make_tiny_whisper(folder: Path, seed: int = 7) -> Path:
    """Write a model that faster-whisper loads into ``folder``; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [f"\u0120{first}{second}" for first in _WORDS for second in _WORDS]
    vocabulary = [*words, *_SPECIAL, *_TIMES]
    spec = WhisperSpec(1, 2, 1, 2)
    random = np.random.default_rng(seed)

    def array(*shape: int, scale: float = 0.5) -> np.ndarray:
        return random.normal(0, scale, shape).astype(np.float32)

    def linear(layer: common_spec.LinearSpec, out: int, inputs: int, bias: bool = True) -> None:
        layer.weight = array(out, inputs)
        if bias:
            layer.bias = array(out, scale=0.1)

    def norm(layer: common_spec.LayerNormSpec) -> None:
        layer.gamma = np.ones(_WIDTH, np.float32)
        layer.beta = np.zeros(_WIDTH, np.float32)

    def attention(layer: Any, fused: int) -> None:
        linear(layer.linear[0], fused * _WIDTH, _WIDTH)
        if fused == 1:
            linear(layer.linear[1], 2 * _WIDTH, _WIDTH)
        linear(layer.linear[-1], _WIDTH, _WIDTH)
        norm(layer.layer_norm)

    def feed_forward(layer: Any) -> None:
        linear(layer.linear_0, 2 * _WIDTH, _WIDTH)
        linear(layer.linear_1, _WIDTH, 2 * _WIDTH)
        norm(layer.layer_norm)

    for conv, channels in ((spec.encoder.conv1, 80), (spec.encoder.conv2, _WIDTH)):
        conv.weight = array(_WIDTH, channels, 3)
        conv.bias = array(_WIDTH, scale=0.1)
    spec.encoder.position_encodings.encodings = array(1500, _WIDTH, scale=0.1)
    norm(spec.encoder.layer_norm)
    attention(spec.encoder.layer[0].self_attention, 3)
    feed_forward(spec.encoder.layer[0].ffn)

    spec.decoder.embeddings.weight = array(len(vocabulary), _WIDTH)
    spec.decoder.position_encodings.encodings = array(448, _WIDTH)
    norm(spec.decoder.layer_norm)
    linear(spec.decoder.projection, len(vocabulary), _WIDTH, bias=False)
    attention(spec.decoder.layer[0].self_attention, 3)
    attention(spec.decoder.layer[0].attention, 1)
    feed_forward(spec.decoder.layer[0].ffn)

    spec.register_vocabulary(vocabulary)
    first_special = len(words)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [first_special]
    spec.config.lang_ids = [first_special + 2]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.save(str(folder))
    _save_tokenizer(folder, vocabulary, first_special)
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80}))
    return folder


def _save_tokenizer(folder: Path, vocabulary: list[str], first_special: int) -> None:
    ids = {token: i for i, token in enumerate(vocabulary)}
    specials = [
        {"id": i, "content": token, "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for token, i in ids.items()
        if first_special <= i < first_special + len(_SPECIAL)
    ]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": specials,
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": "<|endoftext|>"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
