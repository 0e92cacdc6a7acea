"""HuBERT features, with a tiny model of the same architecture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from inference.onnx_engine import OnnxEngine
from inference.weights import CheckpointError
from motion.moda import hubert, hubert_checkpoint
from motion.moda.hubert import HubertFeatures, StreamingHubert, encode_clip
from tests.parity import unit

Array = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def features() -> HubertFeatures:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    return HubertFeatures(transformers.HubertModel(config)).requires_grad_(False).eval()


def speech(frames: int, extra: int = 0) -> Array:
    return 0.1 * unit("speech", (640 * frames + extra,))


def test_a_clip_is_encoded_as_released(features: HubertFeatures) -> None:
    """The steps one by one, for a clip that ends in half a frame."""
    clip = speech(12, extra=300)
    out = encode_clip(features, clip)
    assert out.shape == (12, 3, 16)

    trimmed = clip[: 12 * 640]
    normal = (trimmed - trimmed.mean()) / np.sqrt(trimmed.var() + 1e-7)
    padded = np.pad(np.pad(normal, 20, "reflect"), 20, "reflect")
    model = features.model
    vectors = model.feature_extractor(torch.from_numpy(padded)[None])
    assert vectors.shape[-1] == 24
    position = np.arange(12) * 23 / 11
    left = np.minimum(position.astype(int), 22)
    part = torch.from_numpy((position - left).astype(np.float32))
    resampled = torch.lerp(vectors[..., left], vectors[..., left + 1], part)
    tokens = model.feature_projection(resampled.transpose(1, 2))
    final = model.encoder(tokens).last_hidden_state
    np.testing.assert_allclose(out[:, -1], final[0], atol=1e-5)
    np.testing.assert_allclose(
        model.encoder.layers[-1](torch.from_numpy(out[None, :, -2]))[0], final[0], atol=1e-5
    )


def test_long_clips_are_split(features: HubertFeatures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubert, "CHUNK_FRAMES", 10)
    clip = speech(25)
    whole = encode_clip(features, clip)
    parts = [encode_clip(features, clip[i * 6400 : (i + 1) * 6400]) for i in range(3)]
    np.testing.assert_allclose(whole, np.concatenate(parts), atol=1e-6)
    assert encode_clip(features, clip[:639]).shape == (0, 3, 16)


def test_streaming_equals_offline_and_is_causal(features: HubertFeatures) -> None:
    stream = StreamingHubert(features, window=6)
    clip = speech(14)
    whole, _ = stream.step(stream.init_state(), clip)
    assert whole.shape == (14, stream.dim)
    for chunk in (1, 3, 14):
        state, rows = stream.init_state(), []
        for start in range(0, 14, chunk):
            out, (*_, state) = stream.step(state, clip[640 * start : 640 * (start + chunk)])
            rows.append(out)
        np.testing.assert_allclose(np.concatenate(rows), whole, atol=1e-4)
    changed = clip.copy()
    changed[640 * 8 :] += 0.3
    other, _ = stream.step(stream.init_state(), changed)
    np.testing.assert_allclose(other[:8], whole[:8], atol=1e-4)
    assert not np.allclose(other[8], whole[8], atol=1e-3)
    last = encode_clip(features, clip[-6 * 640 :])[-1].ravel()
    np.testing.assert_allclose(whole[-1], last, atol=1e-4)


def test_sessions_share_a_batch(features: HubertFeatures) -> None:
    stream = StreamingHubert(features, window=4)
    clips = [speech(3), -speech(1), speech(0)]
    together = stream.steps([(stream.init_state(), clip) for clip in clips])
    for clip, (rows, (*_, after)) in zip(clips, together, strict=True):
        alone, (*_, state) = stream.step(stream.init_state(), clip)
        np.testing.assert_allclose(rows, alone, atol=1e-5)
        np.testing.assert_array_equal(after.past, state.past)


def test_half_frames_are_refused(features: HubertFeatures) -> None:
    stream = StreamingHubert(features)
    with pytest.raises(ValueError, match="whole frames of 640"):
        stream.step(stream.init_state(), np.zeros(100, np.float32))


def test_loading_reads_the_preprocessor(features: HubertFeatures, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        hubert_checkpoint.load(tmp_path)
    features.model.save_pretrained(tmp_path)
    assert hubert_checkpoint.load(tmp_path).normalise
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    loud = hubert_checkpoint.load(tmp_path)
    assert not loud.normalise
    again = HubertFeatures(loud.model)
    clip = speech(4)
    np.testing.assert_allclose(encode_clip(again, clip), encode_clip(features, clip), atol=1e-5)


def test_odd_settings_are_named(features: HubertFeatures, tmp_path: Path) -> None:
    features.model.save_pretrained(tmp_path)
    preprocessor, config = tmp_path / "preprocessor_config.json", tmp_path / "config.json"
    for broken in ("{", "[]"):
        preprocessor.write_text(broken)
        with pytest.raises(CheckpointError, match=r"preprocessor_config\.json: is no JSON object"):
            hubert_checkpoint.load(tmp_path)
    preprocessor.unlink()
    config.write_text(json.dumps({**json.loads(config.read_text()), "conv_dim": None}))
    with pytest.raises(CheckpointError, match=r"config\.json: .*conv_dim"):
        hubert_checkpoint.load(tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_onnx_runtime_agrees(features: HubertFeatures, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs onnx and onnxscript")

    engine = OnnxEngine.build(features, {"speech": torch.zeros(2, 640 * 6)}, "features", tmp_path)
    batch = np.stack([speech(6), -speech(6), F.relu(torch.from_numpy(speech(6))).numpy()])
    heard = torch.from_numpy(batch)
    torch.testing.assert_close(engine(heard), features(heard), atol=1e-4, rtol=0)
