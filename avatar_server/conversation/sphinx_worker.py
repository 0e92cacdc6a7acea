"""The process in which PocketSphinx decodes; run this module with ``python -m``.

PocketSphinx holds the interpreter lock while it searches, up to 300 ms at a time, which would
stop every clock of the server; so each decoder has a process of its own.

Requests come on standard input as a :data:`HEADER` and its payload; each is answered by one
line of JSON on standard output. The process ends with its input.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path
from typing import BinaryIO, Final

HEADER: Final = struct.Struct("<cI")
"""Operation and bytes of payload."""

AUDIO: Final = b"A"
"""Payload: mono s16le at 16 kHz. Answer: the words so far."""

FINISH: Final = b"F"
"""Answer: the words of everything since the last FINISH or RESET, after the final search pass."""

RESET: Final = b"R"
"""Forget what was heard. Answer: no words."""

_BLOCK: Final = 3_200
"""Bytes given to the decoder at once (100 ms)."""

# Hesitations and noises: [SPEECH], <sil>, ++BREATH++.
_NOISE: Final = re.compile(r"\[\w+\]|<\w+>|\+\+\w+\+\+")


def main() -> None:
    """Serve standard input until it ends."""
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    # Only this process needs the library.
    import pocketsphinx

    model = Path(pocketsphinx.__file__).parent / "model" / "en-us"
    decoder = pocketsphinx.Decoder(
        hmm=str(model / "en-us"),
        lm=str(model / "en-us.lm.bin"),
        dict=str(model / "cmudict-en-us.dict"),
        loglevel="FATAL",
    )
    listening = False
    rest = b""
    while len(header := requests.read(HEADER.size)) == HEADER.size:
        operation, size = HEADER.unpack(header)
        rest += requests.read(size)
        # The result depends on how sound is cut into blocks: always cut it the same way.
        whole = len(rest) if operation == FINISH else len(rest) // _BLOCK * _BLOCK
        if rest and not listening:
            decoder.start_utt()
            listening = True
        for start in range(0, whole, _BLOCK):
            decoder.process_raw(rest[start : min(start + _BLOCK, whole)], False, False)
        rest = b"" if operation == RESET else rest[whole:]
        if listening and operation != AUDIO:
            decoder.end_utt()
            listening = False
        text = "" if operation == RESET else _words(decoder.hyp())
        answers.write(json.dumps(text).encode() + b"\n")
        answers.flush()


def _words(hypothesis: object) -> str:
    text = getattr(hypothesis, "hypstr", "")
    return " ".join(_NOISE.sub(" ", text).split())


if __name__ == "__main__":
    main()
