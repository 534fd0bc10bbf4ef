"""What this machine has: cores, memory, graphics memory. Looks at the system, changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 5
_CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores and memory this process may use; `gpu` is empty where there is no NVIDIA GPU.

    `memory_gb` is None where the system does not tell.
    """

    cores: int
    memory_gb: float | None
    gpu: str = ""
    gpu_gb: float = 0.0


def look() -> Machine:
    """This machine."""
    name, gpu_gb = _gpu()
    return Machine(_cores(), _memory_gb(), name, gpu_gb)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: what this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gb() -> float | None:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
    try:
        limit = _CGROUP_MEMORY.read_text(encoding="ascii").strip()
    except OSError:
        limit = "max"
    if limit.isdigit():  # a container's share
        size = min(size, int(limit))
    return round(size / 1e9, 1)


def _gpu() -> tuple[str, float]:
    """Name and memory in GB of the first NVIDIA GPU, as its driver's own tool tells."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "", 0.0
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            query, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "", 0.0
    first = answer.stdout.partition("\n")[0]
    name, _, megabytes = first.rpartition(",")
    return (name.strip(), round(float(megabytes) * 1.048576 / 1000, 1)) if name else ("", 0.0)
