"""The benchmark of speech from other programs, in short."""

from __future__ import annotations

from benchmarks.speech import run
from tests.live import live_server


async def test_sound_and_its_picture_follow_the_first_pcm() -> None:
    with live_server() as url:
        results = await run(url, rounds=1)
    assert results["utterances"] == 2
    streamed = results["streamed.pcm_to_sound_ms_p50"]
    at_once = results["at_once.pcm_to_sound_ms_p50"]
    assert streamed is not None
    assert at_once is not None
    # Look-ahead of 80 ms and the first frame must have been sent.
    assert streamed > 100
    assert at_once > 0
    for way in ("streamed", "at_once"):
        assert results[f"{way}.pcm_to_frame_ms_p50"] is not None
        assert results[f"{way}.pcm_to_mouth_ms_p50"] is not None
