"""Tables of runs on the disk: one row per run, added as it ends, and no file destroyed.

A line that was written once stays as it is, byte for byte, also when the file is written anew.
"""

import csv
import errno
import io
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from ..storage import write_whole
from .run import Run

COLUMNS = (
    "data", "model", "seed", "accuracy", "metric", "accuracy_small", "accuracy_large", "validation_accuracy",
    "seconds", "parameters", "epochs", "images", "learning_rate", "batch_size", "validation", "test", "device",
    "precision", "threads", "peak_memory_mib", "error", "registration", "commit", "versions", "processor", "command",
)  # fmt: skip
SCORES = ("accuracy", "accuracy_small", "accuracy_large", "validation_accuracy")
TEXT = (
    "data", "model", "metric", "device", "precision", "error", "registration", "commit", "versions", "processor",
    "command",
)  # fmt: skip
_WHOLE = ("seed", "epochs", "images", "batch_size", "validation", "test")
_ROOM = 1 << 16  # bytes that must be free on the disk before the first run
_CURE = "Mend the line or remove it."


class NotATable(ValueError):
    """The file is no table of runs, or one of its lines cannot be read; the message names the line."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a table for oneself.

    Raises:
        ValueError: another process writes to it.
        OSError: nothing can be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    held = path.with_name(f".{path.name}.lock")
    lock = FileLock(held)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not held.exists():  # filelock takes a folder where no file can be made for a busy one
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
        raise ValueError(
            f"another process is writing to {path}; wait for it, or give another file."
        ) from None
    try:
        yield
    finally:
        lock.release()


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of runs; the file is only looked at.

    A last line without an end was being written when the program was killed: it is left out.

    Args:
        path: a CSV file; a missing or empty one gives a table without rows.

    Returns:
        One row per run. Words are empty where there is nothing, numbers are NaN.

    Raises:
        NotATable: the file is something else, or a line is damaged; the message names it.
    """
    header, lines, _ = _read(path)
    return _frame(header, [row for _, row in lines])


def run_of(row: dict) -> Run:
    """Return what a row computed."""
    return Run(
        row["data"], row["model"], int(row["seed"]), int(row["epochs"]), int(row["images"]),
        float(row["learning_rate"]), int(row["batch_size"]), int(row["validation"]), int(row["test"]),
    )  # fmt: skip


def missing_runs(wanted: list[Run], table: pd.DataFrame) -> list[Run]:
    """Return the runs that have no row, or only failed ones."""
    done = {run_of(row) for row in table.to_dict("records") if not row["error"]}
    return [run for run in wanted if run not in done]


class Table:
    """A table that rows are added to; use it inside :func:`locked`.

    Args:
        path: the CSV file; ``None`` keeps the rows in memory.

    Raises:
        NotATable: the file is something else; it is left as it is.
        OSError: it cannot be written, or the disk is full.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self._header, self._lines, whole = (list(COLUMNS), [], True) if path is None else _read(path)
        if path is not None:
            _require_room(path)
            if not whole:
                self._write_whole()
            with path.open("ab"):
                pass  # a file that cannot be written says so now, not after the first run

    @property
    def rows(self) -> pd.DataFrame:
        """The rows as :func:`read_table` gives them."""
        return _frame(self._header, [row for _, row in self._lines])

    def add(self, row: dict) -> None:
        """Add a row and have it written to the disk before this returns.

        Args:
            row: values by column; columns that the file lacks are left out.
        """
        cells = [_cell(name, row.get(name)) for name in self._header]
        line, said = _line(cells), _row(self._header, cells, "the new row")
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(line.encode("utf-8") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._lines.append((line, said))

    def drop_failed(self) -> None:
        """Take failed runs out, so that they are tried again; their reasons were printed when they failed."""
        good = [(line, row) for line, row in self._lines if not row["error"]]
        if len(good) < len(self._lines):
            self._lines = good
            if self.path is not None:
                self._write_whole()

    def _write_whole(self) -> None:
        lines = [_line(self._header), *(line for line, _ in self._lines)]
        write_whole(self.path, "".join(f"{line}\n" for line in lines).encode("utf-8"))


def _read(path: Path) -> tuple[list[str], list[tuple[str, dict]], bool]:
    """Return header, lines with what they say, and whether the file can be added to as it is."""
    if path.exists() and not path.is_file():
        raise NotATable(f"{path} is no table of runs: it is no file. Give another name.")
    raw = path.read_bytes() if path.exists() else b""
    if not raw:
        return list(COLUMNS), [], False
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotATable(f"{path} is no table of runs: it is no text. Give another file.") from None
    lines = text.replace("\r\n", "\n").split("\n")
    last = lines.pop()
    header = _header(path, lines[0] if lines else last)
    found = [
        (line, _row(header, _cells(line, f"{path}, line {number}"), f"{path}, line {number}"))
        for number, line in enumerate(lines[1:], start=2)
        if line
    ]
    if lines and last and (row := _unfinished(header, last, f"{path}, line {len(lines) + 1}")):
        found.append((last, row))
    _require_once(path, [row for _, row in found])
    whole = raw.endswith(b"\n") and b"\r" not in raw and not raw.startswith(b"\xef\xbb\xbf")
    return header, found, whole


def _header(path: Path, line: str) -> list[str]:
    try:
        names = _cells(line, f"{path}, line 1")
    except NotATable:
        names = []
    if not {"data", "model", "seed"} <= set(names):
        odd = (
            "its cells are not separated by commas"
            if ";" in line or "\t" in line
            else "line 1 is not its header"
        )
        if line.startswith("data,model,seed,") and "\r" in line:
            odd = "its lines end in an old way"
        raise NotATable(f"{path} is no table of runs: {odd}. Give another file.")
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise NotATable(
            f"{path}, line 1: there is no column {', '.join(missing)}; another version of the course made this "
            "table. Give another file."
        )
    if len(set(names)) != len(names):
        raise NotATable(f"{path}, line 1: a column stands there twice. Mend the line or give another file.")
    return names


def _unfinished(header: list[str], line: str, where: str) -> dict | None:
    """What a last line without an end says; ``None`` for half a line.

    An editor may leave a whole one so. Where a number is last, nobody can tell whether it has all its digits.
    """
    try:
        cells = _cells(line, where)
    except NotATable:
        return None
    if len(cells) < len(header):
        return None
    if header[-1] not in TEXT and len(cells) == len(header):
        raise NotATable(f"{where}: the line has no end, so its last number may lack digits. {_CURE}")
    return _row(header, cells, where) if cells[-1] else None


def _cells(line: str, where: str) -> list[str]:
    if "\r" in line or "\0" in line:
        raise NotATable(f"{where}: there is a character in it that ends a line or a text. {_CURE}")
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        raise NotATable(f"{where}: its quotation marks do not fit. {_CURE}") from None


def _row(header: list[str], cells: list[str], where: str) -> dict:
    if len(cells) != len(header):
        raise NotATable(f"{where}: {len(cells)} cells where line 1 has {len(header)}. {_CURE}")
    row = {name: _value(name, cell, where) for name, cell in zip(header, cells, strict=True)}
    if not row["data"] or not row["model"]:
        raise NotATable(f"{where}: a run has data and a model. {_CURE}")
    if not row["error"] and row["accuracy"] != row["accuracy"]:
        raise NotATable(f"{where}: there is neither an accuracy nor an error. {_CURE}")
    return row


def _value(name: str, cell: str, where: str) -> str | int | float:
    if name in TEXT or name not in COLUMNS:
        return cell
    if name in _WHOLE:
        if not (cell.isascii() and cell.isdigit()):
            raise NotATable(f"{where}: {name} is {cell!r}, which is no whole number. {_CURE}")
        return int(cell)
    try:
        value = float(cell) if cell and "_" not in cell else math.nan
    except ValueError:
        value = math.inf
    if (cell and not math.isfinite(value)) or (name == "learning_rate" and not cell):
        raise NotATable(f"{where}: {name} is {cell!r}, which is no number. {_CURE}")
    return value


def _require_once(path: Path, rows: list[dict]) -> None:
    seen = set()
    for row in rows:
        run = run_of(row)
        if run in seen and not row["error"]:
            raise NotATable(
                f"{path}: {run.model} on {run.data} with seed {run.seed} stands there twice. Remove one of the lines."
            )
        if not row["error"]:
            seen.add(run)


def _frame(header: list[str], rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=header)
    numbers = {name: float for name in header if name in COLUMNS and name not in (*TEXT, *_WHOLE)}
    return table.astype({**numbers, **dict.fromkeys(_WHOLE, int)})


def _cell(name: str, value) -> str:
    if value is None or value != value:
        return ""
    if name in SCORES:
        return repr(round(float(value), 5))
    return " ".join(str(value).split()) if name in TEXT else str(value)


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _require_room(path: Path) -> None:
    """A full disk is told before anything was computed."""
    with tempfile.TemporaryFile(dir=path.parent) as file:
        if file.write(bytes(_ROOM)) < _ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file.flush()
        os.fsync(file.fileno())
