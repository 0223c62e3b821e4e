"""What made a row: the commit, the versions, the processor, the command."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent


def provenance(command: str) -> dict[str, str]:
    """Return the columns that say what made a row, read once, before the first run begins.

    Args:
        command: what the user typed.
    """
    return {
        "commit": commit(),
        "versions": versions(),
        "processor": processor(),
        "command": command,
    }


def commit(checkout: Path = CHECKOUT) -> str:
    """Return the short hash of this checkout's commit, ``+`` if the package has uncommitted changes.

    Empty where the package does not lie in a checkout of its own, such as in site-packages below somebody's home
    folder that happens to be a repository.

    Args:
        checkout: the folder that holds the package.
    """
    try:
        if Path(_git(checkout, "rev-parse", "--show-toplevel")).resolve() != checkout.resolve():
            return ""
        # A folder that git ignores, such as an environment inside a checkout, has no commit either.
        if not _git(checkout, "ls-files", "cbam_course/__init__.py"):
            return ""
        head = _git(checkout, "rev-parse", "--short=10", "HEAD")
        return head + ("+" if _git(checkout, "status", "--porcelain", "--", "cbam_course") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(checkout: Path, *words: str) -> str:
    command = ["git", "-C", str(checkout), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def versions() -> str:
    """Return the versions that can change a number, such as ``python 3.12.3, torch 2.9.0, numpy 2.3.1``."""
    return f"python {platform.python_version()}, torch {version('torch')}, numpy {version('numpy')}"


def processor() -> str:
    """Return what decides which kernels a processor runs: its instruction sets, its maker, family and model.

    Two machines with equal words compute equal digits with equal versions; others differ in the last ones, and
    training makes more of that.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{capability} {platform.processor() or platform.machine()}"
    fields = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    names = (fields.get(name, "?") for name in ("vendor_id", "cpu family", "model"))
    return " ".join([capability, *names]) if "vendor_id" in fields else f"{capability} {platform.machine()}"
