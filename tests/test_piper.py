"""Piper's voices, with a network that plays back the phoneme numbers it was given."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import onnx
import pytest
import pytest_asyncio
from onnx import TensorProto, helper

from avatar_server.conversation.engines import EngineUnavailableError, load_engine
from avatar_server.conversation.piper import PiperTextToSpeech
from avatar_server.conversation.tts import SpeechSynthesisError
from motion.speech.espeak import engine

HOP = 256
PHONEMES = "_^$ .,!?;:'ˈˌabcdefhijklmnoprstuvwxzæðøŋɑɐɔəɚɛɜɡɪɹʃʊʌʒθː" + "\u0327"
IDS = {phoneme: [i] for i, phoneme in enumerate(PHONEMES)}


def make_voice(folder: Path, name: str, espeak: str) -> None:
    """A voice whose sound is id / 1000 for HOP samples per id, times the length scale."""
    shapes: dict[str, tuple[list[str | int], int]] = {
        "input": (["b", "t"], TensorProto.INT64),
        "input_lengths": (["b"], TensorProto.INT64),
        "scales": ([3], TensorProto.FLOAT),
    }
    inputs = [helper.make_tensor_value_info(k, t, s) for k, (s, t) in shapes.items()]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["b", 1, 1, "n"])

    def constant(name: str, values: np.ndarray) -> onnx.TensorProto:
        return onnx.numpy_helper.from_array(values, name)

    nodes = [
        helper.make_node("Cast", ["input"], ["ids"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["ids", "column"], ["columns"]),
        helper.make_node("Mul", ["columns", "hop"], ["spread"]),
        helper.make_node("Gather", ["scales", "one"], ["length"]),
        helper.make_node("Mul", ["spread", "length"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "flat"], ["output"]),
    ]
    constants = [
        constant("column", np.array([1, 1, -1, 1], np.int64)),
        constant("hop", np.full((1, 1, 1, HOP), 1e-3, np.float32)),
        constant("one", np.array(1, np.int64)),
        constant("flat", np.array([1, 1, 1, -1], np.int64)),
    ]
    graph = helper.make_graph(nodes, "voice", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / f"{name}.onnx")
    config = {
        "audio": {"sample_rate": 22_050, "quality": "medium"},
        "espeak": {"voice": espeak},
        "inference": {"length_scale": 1.0},
        "phoneme_type": "espeak",
        "phoneme_id_map": IDS,
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    make_voice(folder, "de_DE-test", "de")
    make_voice(folder, "en_US-test", "en-us")
    return folder


@pytest_asyncio.fixture
async def piper(folder: Path) -> AsyncGenerator[PiperTextToSpeech]:
    piper = PiperTextToSpeech(folder)
    yield piper
    await piper.aclose()


async def spoken(piper: PiperTextToSpeech, text: str, voice: str) -> str:
    """The phonemes that the network was given."""
    chunks = [chunk async for chunk in piper.synthesize(text, voice)]
    assert {chunk.rate for chunk in chunks} <= {22_050}
    pcm = np.concatenate([chunk.pcm for chunk in chunks]) if chunks else np.empty(0, np.float32)
    return "".join(PHONEMES[round(1_000 * float(value))] for value in pcm[::HOP])


async def test_the_network_gets_padded_phonemes_and_punctuation(piper: PiperTextToSpeech) -> None:
    ids = await spoken(piper, "Hello world, how are you?", "en_US-test")
    assert ids[:2] == "^_"
    assert ids[-1] == "$"
    assert set(ids[1:-1:2]) == {"_"}
    assert ids[2:-1:2] == "həlˈoʊ wˈɜːld, hˈaʊ ɑːɹ juː?"


async def test_numbers_keep_their_points(piper: PiperTextToSpeech) -> None:
    ids = (await spoken(piper, "3.50 is fine.", "en_US-test"))[2:-1:2]
    assert ids.count(".") == 1
    assert engine().pronounce("3.50 is fine", "en-us") + "." == ids


async def test_a_voice_is_found_by_name_or_language(piper: PiperTextToSpeech) -> None:
    assert piper.voices() == ("de_DE-test", "en_US-test")
    german = await spoken(piper, "Guten Tag.", "de")
    english = await spoken(piper, "Guten Tag.", "en-us")
    assert german == await spoken(piper, "Guten Tag.", "de_DE-test")
    assert english == await spoken(piper, "Guten Tag.", "en")
    assert german != english
    with pytest.raises(SpeechSynthesisError, match="'fr'; choose from: de_DE-test"):
        await spoken(piper, "Bonjour", "fr")


async def test_words_are_spread_over_the_sound(piper: PiperTextToSpeech) -> None:
    text = "This is one sentence. " * 14
    chunks = [chunk async for chunk in piper.synthesize(text, "en")]
    assert len(chunks) >= 2
    words = [word for chunk in chunks for word in chunk.words]
    assert [text[w.start : w.end] for w in words] == text.split()
    total = sum(len(chunk.pcm) for chunk in chunks)
    assert [w.sample for w in words] == sorted(w.sample for w in words)
    assert words[-1].sample < total


async def test_text_without_a_sound_is_skipped(piper: PiperTextToSpeech) -> None:
    assert await spoken(piper, " ... ", "en") == ""


async def test_speed_scales_the_length(folder: Path) -> None:
    fast = PiperTextToSpeech(folder, speed=2.0)
    [chunk] = [chunk async for chunk in fast.synthesize("Hello.", "en")]
    assert chunk.pcm[0] == pytest.approx(0.0005 * IDS["^"][0])
    await fast.aclose()


def test_missing_and_broken_voices_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match=r"piper-voices.*'folder'"):
        load_engine("tts", "piper", {"folder": str(tmp_path)})
    (tmp_path / "x.onnx").write_bytes((folder / "de_DE-test.onnx").read_bytes())
    with pytest.raises(EngineUnavailableError, match=r"x\.onnx is broken: .*No such file"):
        load_engine("tts", "piper", {"folder": str(tmp_path)})
    (tmp_path / "x.onnx.json").write_text('{"audio": {}}')
    with pytest.raises(EngineUnavailableError, match=r"x\.onnx is broken"):
        load_engine("tts", "piper", {"folder": str(tmp_path)})
