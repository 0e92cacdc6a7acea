"""``python -m renderer.drawing``: draw the avatars that ship with the server."""

from __future__ import annotations

import argparse
from pathlib import Path

from renderer.drawing import mira
from renderer.library import BUILT_IN


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the avatars that ship with the server.")
    parser.add_argument(
        "--out", type=Path, default=BUILT_IN, help="folder that holds the avatars' folders"
    )
    folder = parser.parse_args().out / "mira"
    mira.draw(folder)
    print(f"drew {folder}")


if __name__ == "__main__":
    main()
