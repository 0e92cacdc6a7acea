"""What a control group leaves of the machine's cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from avatar_server.cores import usable_cores

GROUPS = "proc/self/cgroup"


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({GROUPS: "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 64),
        ({GROUPS: "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2),
        ({GROUPS: "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        (
            {
                GROUPS: "0::/system.slice/avatar.service\n",
                "sys/fs/cgroup/system.slice/avatar.service/cpu.max": "max 100000\n",
                "sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
            },
            3,
        ),
        (
            {
                GROUPS: "4:cpu,cpuacct:/docker/1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
    ],
)
def test_a_container_has_the_cores_that_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert usable_cores(system(tmp_path, files)) == cores
