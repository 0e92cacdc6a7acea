"""Imports run downwards only, and importing a package does no heavy work."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BELOW = {
    "inference": set(),
    "motion": {"inference"},
    "renderer": {"inference", "motion.contract", "motion.keypoints", "motion.layout"},
    "streaming": set(),
    "client": {"streaming.protocol"},
    "avatar_server": {"client", "inference", "motion", "renderer", "streaming"},
}
"""Packages, or single modules of them, that each package may import besides itself."""


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", BELOW)
def test_imports_run_downwards(package: str) -> None:
    allowed = {package, *BELOW[package]}
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        ours = {name for name in imports(file) if name.split(".")[0] in BELOW}
        wrong = {name for name in ours if not {name, name.split(".")[0]} & allowed}
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


def test_the_command_line_starts_light() -> None:
    code = (
        "import sys, avatar_server.cli, client.cli\n"
        "heavy = {'torch', 'transformers', 'cv2', 'av', 'aiortc'} & set(sys.modules)\n"
        "sys.exit(f'imported at start: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
