"""What made a result: the code it depends on, the commit, the versions, the machine."""

import ast
import hashlib
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
# What the numbers of an experiment depend on; a change here makes the tables in results/ stale.
CODE = (
    "data/cifar10.py",
    "data/draws.py",
    "data/photos.py",
    "data/scene_tasks.py",
    "data/scenes.py",
    "data/shapes.py",
    "attention/cbam.py",
    "attention/squeeze_excitation.py",
    "networks/ablations.py",
    "networks/augment.py",
    "networks/hooks.py",
    "networks/insertion.py",
    "networks/pretrained.py",
    "networks/resnet.py",
    "networks/small_cnn.py",
    "networks/strength.py",
    "training/batches.py",
    "training/fit.py",
    "training/objectives.py",
    "training/run.py",
    "training/stages.py",
    "training/tasks.py",
    "training/variants.py",
)


def code_hash(root: Path = _PACKAGE) -> str:
    """Return 12 hexadecimal digits that change when a statement in ``CODE`` changes.

    Comments, docstrings and layout do not count, and no Python version writes the tree in another way.

    Args:
        root: folder of the package.
    """
    digest = hashlib.sha256()
    for name in CODE:
        tree = ast.parse((root / name).read_text(encoding="utf-8"))
        digest.update(f"{name} {_outline(tree)}\n".encode())
    return digest.hexdigest()[:12]


def _outline(node: object) -> str:
    """The syntax tree as text: ``ast.dump`` itself differs between versions of Python in its empty fields."""
    if isinstance(node, list):
        return "[" + ",".join(_outline(item) for item in node if not _is_docstring(item)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = ((name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind"))
    inside = ",".join(f"{name}={_outline(value)}" for name, value in sorted(parts) if value not in (None, []))
    return f"{type(node).__name__}({inside})"


def _is_docstring(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def commit() -> str:
    """Return the short hash of the checkout's commit, ``+`` if the package has uncommitted changes, else ``""``."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--", str(_PACKAGE)) else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*words: str) -> str:
    command = ["git", "-C", str(_PACKAGE), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def versions() -> str:
    """Return the versions that can change a number, such as ``python 3.12.3, torch 2.9.0, numpy 2.3.1``."""
    return f"python {platform.python_version()}, torch {version('torch')}, numpy {version('numpy')}"


def record(command: str) -> dict[str, str]:
    """Return the columns that say what made a row, read once, before the first run begins.

    Args:
        command: what the user typed.
    """
    return {"code": code_hash(), "commit": commit(), "versions": versions(), "command": command}
