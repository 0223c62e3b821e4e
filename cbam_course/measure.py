"""Seconds and peak memory of every notebook of the course, beside the ceilings they must stay under."""

import argparse
import csv
import errno
import io
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from .doctor import GIB, device
from .storage import write_whole
from .workspace import find_course

CEILINGS = {"notebooks": 90, "exercises": 30, "solutions": 30}  # seconds for one notebook, on two cores
MEMORY_CEILING = 2.0  # GiB for one notebook
TOTAL_CEILING = 15 * 60  # seconds for all of them


@dataclass(frozen=True)
class Measurement:
    """One notebook: its path in the course, seconds, peak memory in GiB, and whether it ran to its end."""

    notebook: str
    seconds: float
    peak_gib: float
    finished: bool

    @property
    def problem(self) -> str:
        """What is wrong, in a word or two; empty when all is well."""
        if not self.finished:
            return "stopped with an error"
        if self.seconds > CEILINGS[self.notebook.split("/")[0]]:
            return "too slow"
        return "too much memory" if self.peak_gib > MEMORY_CEILING else ""


def measure(
    path: Path, *, root: Path, python: str = sys.executable, env: Mapping[str, str] | None = None
) -> Measurement:
    """Execute one notebook in a process of its own, without saving it or touching the learner's progress.

    Args:
        path: the notebook.
        root: the folder of the course; the notebook's name is given relative to it.
        python: of the environment to run in; it has nbclient and a kernel.
        env: further variables for the process.
    """
    run = [python, "-c", "from nbclient.cli import main; main()", str(path)]
    strict = "1" if path.parent.name == "solutions" else ""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as log:
        env = {**os.environ, "CBAM_COURSE_HOME": home, "CBAM_COURSE_STRICT": strict, **(env or {})}
        with subprocess.Popen(run, env=env, stdout=log, stderr=log) as process:
            peak = _peak_memory(process)
    seconds = time.perf_counter() - start
    name = path.relative_to(root).as_posix()
    return Measurement(name, round(seconds, 1), round(peak / GIB, 2), process.returncode == 0)


def _peak_memory(process: subprocess.Popen) -> int:
    """Watch the kernel and its children until the process ends; return the most bytes they held at once."""
    runner, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            peak = max(peak, sum(_resident(child) for child in runner.children(recursive=True)))
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.05)
    return peak


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # it ended between the list and the look
        return 0


def measure_course(root: Path | None = None, *, only: str = "", out: Path | None = None) -> int:
    """Measure the course's notebooks, print a table, and return 0 if all stay under their ceilings, else 1.

    Args:
        root: the folder of the course; by default ``find_course()``.
        only: notebooks whose name begins so, for example ``"03"``; empty for all.
        out: a CSV file to write the table to, with versions, device and date.

    Raises:
        OSError: the table could not be written; this is noticed before the first notebook runs.
    """
    root = root or find_course()
    if out:
        _try_to_write(out)
    paths = [path for folder in CEILINGS for path in sorted((root / folder).glob(f"{only}*.ipynb"))]
    rows = []
    for path in paths:
        print(f"running {path.relative_to(root).as_posix()}", file=sys.stderr, flush=True)
        rows.append(measure(path, root=root))
    Console().print(_table(rows))
    if out:
        _write_csv(out, rows)
    return int(any(row.problem for row in rows) or _total(rows) > TOTAL_CEILING)


def _total(rows: list[Measurement]) -> float:
    return sum(row.seconds for row in rows)


def _table(rows: list[Measurement]) -> Table:
    table = Table(show_footer=True, box=SIMPLE)
    table.add_column("notebook", overflow="fold")
    for heading in ("seconds", "at most", "peak GiB", "at most"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in rows:
        ceiling = str(CEILINGS[row.notebook.split("/")[0]])
        numbers = f"{row.seconds:.1f}", ceiling, f"{row.peak_gib:.2f}", f"{MEMORY_CEILING:.0f}"
        table.add_row(row.notebook, *numbers, row.problem or "ok")
    feet = "all", f"{_total(rows):.1f}", str(TOTAL_CEILING)
    for column, foot in zip(table.columns, feet, strict=False):
        column.footer = foot
    return table


def _write_csv(out: Path, rows: list[Measurement]) -> None:
    made_with = {
        "python": platform.python_version(),
        "torch": version("torch"),
        "device": device().type,
        "cores": psutil.cpu_count(),
        "date": date.today().isoformat(),
    }
    table = io.StringIO()
    writer = csv.DictWriter(table, [*Measurement.__dataclass_fields__, *made_with], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**asdict(row), **made_with} for row in rows)
    write_whole(out, table.getvalue().encode())


def _try_to_write(out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(out))
    with tempfile.TemporaryFile(dir=out.parent):
        pass


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m cbam_course measure`` to a parser."""
    parser.add_argument("--only", default="", help="notebooks whose name begins so, for example 03")
    parser.add_argument("--out", type=Path, help="also write the table to this CSV file")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    return measure_course(only=options.only, out=options.out)
