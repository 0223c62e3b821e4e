"""Open the course in JupyterLab: ``python -m cbam_course lab``."""

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .workspace import find_course, sync

_FIRST = "00"
_BUILT = Path("authoring") / "built.sha256"  # of every notebook, written by tools/build_notebooks.py
_MISSING = (
    "JupyterLab is not installed for this Python ({python}). Install it with\n"
    "    {python} -m pip install jupyterlab\n"
    "or open notebooks/ in an editor that runs notebooks."
)
_ROOT = (
    "You are root, so JupyterLab is started with --allow-root: whoever can open it may do everything that root may. "
    "That is usual in a container (to reach it from outside, add --ip=0.0.0.0 and publish its port); elsewhere, "
    "start it as an ordinary user."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say how ``lab`` is used; all of its arguments go to JupyterLab."""
    parser.usage = "python -m cbam_course lab [ARGUMENTS FOR JUPYTERLAB]"
    parser.epilog = (
        "Often used: --no-browser on a computer without a screen, --port 8890, --ip=0.0.0.0 in a container, the "
        "path of a notebook to open in place of the next lesson. `jupyter lab --help` has all of them."
    )
    parser.set_defaults(others=[])


def run(options: argparse.Namespace) -> int:
    """Bring work/ up to date, say where it is, and run JupyterLab until it is stopped.

    Args:
        options: ``others`` holds the arguments for JupyterLab.

    Raises:
        FileNotFoundError: there is no course here.
    """
    root = find_course()
    if find_spec("jupyterlab") is None:
        print(_MISSING.format(python=sys.executable), file=sys.stderr)
        return 1
    for sentence in (*sync(root), f"Your copies of the exercises are in {root / 'work'}."):
        print(sentence, flush=True)
    try:
        trust(root)
    except OSError as error:
        print(
            f"The notebooks could not be marked as trusted ({error.strerror}); some outputs show when you run them."
        )
    lesson = next_lesson(root)
    opened = next((word for word in options.others if word.endswith(".ipynb")), lesson)
    print(f"Opening JupyterLab at {opened}. Stop it with Ctrl+C in this window.", flush=True)
    return _serve(root, lesson, options.others)


def next_lesson(root: Path) -> str:
    """Return the notebook, such as ``notebooks/03_channel_attention.ipynb``, of the task that comes next.

    It is the task that :func:`cbam_course.progress` names; where none is open, the first lesson opens.

    Args:
        root: the folder of the course.

    Raises:
        FileNotFoundError: the course has no first lesson.
    """
    # It loads torch, which takes a few seconds: not before something was said.
    from .checks.progress import passed_tasks
    from .checks.task import next_open_task

    task = next_open_task(passed_tasks())
    for number in (task.lesson if task else _FIRST, _FIRST):
        if found := sorted((root / "notebooks").glob(f"{number}_*.ipynb")):
            return found[0].relative_to(root).as_posix()
    raise FileNotFoundError(f"{root / 'notebooks'} has no lesson {_FIRST}; get the course again.")


def trust(root: Path) -> list[str]:
    """Do what ``jupyter trust`` does with the notebooks that are as the course built them; return their names.

    Only then JupyterLab shows all of their stored outputs. A notebook that was changed by anyone is left alone.

    Args:
        root: the folder of the course.
    """
    import nbformat
    from nbformat.sign import TrustNotebookApp

    app, trusted = TrustNotebookApp(), []
    app.initialize([])  # reads Jupyter's own settings
    for name in _as_built(root):
        notebook = nbformat.read(root / name, as_version=4)
        if not app.notary.check_signature(notebook):
            app.notary.sign(notebook)
        trusted.append(name)
    return trusted


def _as_built(root: Path) -> Iterator[str]:
    built = root / _BUILT
    for line in built.read_text(encoding="utf-8").splitlines() if built.exists() else []:
        digest, name = line.split(maxsplit=1)
        path = root / name
        # Line ends differ between checkouts; what they mean does not.
        if path.exists() and digest == hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest():
            yield name


def _serve(root: Path, lesson: str, others: list[str]) -> int:
    from jupyterlab.labapp import LabApp

    # Without root_dir the folder of the notebook would be all that JupyterLab shows.
    arguments = [f"--ServerApp.root_dir={root}", f"--LabApp.default_url=/lab/tree/{lesson}"]
    is_root = getattr(os, "geteuid", lambda: 1)() == 0
    if is_root and not any("allow-root" in word or "allow_root" in word for word in others):
        print(_ROOT, flush=True)
        arguments.append("--allow-root")
    LabApp.launch_instance([*arguments, *others])
    return 0
