"""``python -m renderer.drawing``: draw the avatars that ship with the server."""

from __future__ import annotations

import argparse
from pathlib import Path

from renderer.avatar import load_avatar
from renderer.decoder import EmbeddedRenderer
from renderer.drawing import finn, kofi, mira, ruth
from renderer.drawing.sitter import draw_sitter
from renderer.library import BUILT_IN
from renderer.portrait import THUMBNAIL
from renderer.still import still

SITTERS = {sitter.name: sitter for sitter in (mira.SITTER, kofi.SITTER, ruth.SITTER, finn.SITTER)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the avatars that ship with the server.")
    parser.add_argument(
        "--out", type=Path, default=BUILT_IN, help="folder that holds the avatars' folders"
    )
    parser.add_argument("--avatar", choices=sorted(SITTERS), help="one avatar instead of all")
    options = parser.parse_args()
    for name in [options.avatar] if options.avatar else SITTERS:
        folder = options.out / name
        draw_sitter(SITTERS[name], folder)
        (folder / THUMBNAIL).write_bytes(still(EmbeddedRenderer(), load_avatar(folder)))
        print(f"drew {folder}")


if __name__ == "__main__":
    main()
