"""Tables of runs on the disk: one row per run, added as it ends, and no file destroyed."""

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from ..storage import write_whole

COLUMNS = (
    "data", "model", "seed", "accuracy", "metric", "accuracy_small", "accuracy_large", "validation_accuracy",
    "seconds", "parameters", "epochs", "images", "learning_rate", "batch_size", "validation", "test", "device",
    "precision", "threads", "peak_memory_mib", "error", "registration", "commit", "versions", "processor", "command",
)  # fmt: skip
ROUNDED = ("accuracy", "accuracy_small", "accuracy_large", "validation_accuracy")
# A hash may look like a number: 377304447631, or 12e34567.
TEXT = dict.fromkeys(
    ("data", "model", "metric", "device", "precision", "error", "registration", "commit", "versions", "processor",
     "command"), str
)  # fmt: skip
_WHOLE = ("seed", "epochs", "images", "batch_size", "validation", "test")
# What a file must have to be a table of runs at all; older tables lack the other columns.
_NEEDED = ("data", "model", "seed", "accuracy", "epochs", "images", "learning_rate")


class NotATable(ValueError):
    """The file is no table of runs, or one of its lines cannot be read; the message names the line."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a table for oneself.

    Raises:
        ValueError: another process writes to it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"another process is writing to {path}; wait for it, or give another file."
        ) from None
    try:
        yield
    finally:
        lock.release()


def empty_table() -> pd.DataFrame:
    """Return a table without rows."""
    return pd.DataFrame(columns=list(COLUMNS))


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of runs; the file is only looked at.

    A last line without an end was being written when the program was killed: it is left out.

    Args:
        path: a CSV file; a missing or empty one gives a table without rows.

    Raises:
        NotATable: the file is something else, or a line is damaged; the message names it.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return empty_table()
    lines, torn = _lines(raw, path)
    if not lines:
        if torn:
            raise NotATable(f"{path} is no table of runs: it has no header. Give another file.")
        return empty_table()
    header = lines[0]
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise NotATable(
            f"{path} is no table of runs: line 1 has no column {', '.join(missing)}. Give another file."
        )
    if len(set(header)) != len(header):
        raise NotATable(f"{path}, line 1: a column stands there twice. Mend the line or give another file.")
    rows = [_row(header, cells, number, path) for number, cells in enumerate(lines[1:], start=2)]
    table = pd.DataFrame(rows, columns=header)
    return table.reindex(columns=[*COLUMNS, *(c for c in header if c not in COLUMNS)])


def _lines(raw: bytes, path: Path) -> tuple[list[list[str]], bool]:
    """Split into cells; say whether the last line is torn."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NotATable(f"{path} is no table of runs: it is no text. Give another file.") from None
    whole = text[: text.rfind("\n") + 1]
    torn = whole != text
    try:
        lines = [cells for cells in csv.reader(io.StringIO(whole, newline=""), strict=True) if cells]
        # A file whose last line only lacks its end, as an editor may leave it, has lost nothing.
        if torn and lines:
            last = next(csv.reader(io.StringIO(text[len(whole) :], newline=""), strict=True))
            if len(last) == len(lines[0]) and last[-1] and whole:
                lines, torn = [*lines, last], False
    except (csv.Error, StopIteration) as error:
        if torn and str(error):
            return lines, True
        raise NotATable(f"{path} is no table of runs ({error}). Give another file.") from None
    return lines, torn


def _row(header: list[str], cells: list[str], number: int, path: Path) -> dict:
    if len(cells) != len(header):
        raise NotATable(
            f"{path}, line {number}: {len(cells)} cells where line 1 has {len(header)}. Mend the line or remove it."
        )
    row = dict(zip(header, cells, strict=True))
    try:
        for name, value in row.items():
            if name in TEXT:
                continue
            if name in _WHOLE:
                row[name] = int(value) if value else None
            elif name == "learning_rate":
                row[name] = float(value)
            elif name in COLUMNS:
                row[name] = float(value) if value else float("nan")
    except ValueError:
        raise NotATable(
            f"{path}, line {number}: {name} is {value!r}, which is no number. Mend the line or remove it."
        ) from None
    if not row["data"] or not row["model"] or row["seed"] is None:
        raise NotATable(f"{path}, line {number}: a run has data, model and seed. Mend the line or remove it.")
    return row


class Table:
    """A table that rows are added to; use it inside :func:`locked`.

    Args:
        path: the CSV file; ``None`` keeps the rows in memory.

    Raises:
        NotATable: the file is something else.
        OSError: it cannot be written; the message says so before anything was computed.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self.rows = empty_table() if path is None else read_table(path)
        if path is not None:
            self._make_ready()

    def add(self, row: dict) -> None:
        """Add a row and have it written to the disk before this returns."""
        row = {name: round(v, 5) if name in ROUNDED and v == v else v for name, v in row.items()}
        line = pd.DataFrame([row]).reindex(columns=list(self.rows.columns))
        self.rows = line if self.rows.empty else pd.concat([self.rows, line], ignore_index=True)
        if self.path is not None:
            text = line.to_csv(index=False, header=False, lineterminator="\n")
            with self.path.open("ab") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())

    def drop_failed(self) -> None:
        """Take failed runs out, so that they are tried again; their reasons were printed when they failed."""
        failed = self.rows.error.fillna("") != ""
        if failed.any():
            self.rows = self.rows[~failed].reset_index(drop=True)
            if self.path is not None:
                self._write_whole()

    def _make_ready(self) -> None:
        """See that rows can be added, and mend a torn end through a whole new file."""
        raw = self.path.read_bytes() if self.path.exists() else b""
        columns = raw.split(b"\n", 1)[0].rstrip(b"\r").decode().split(",") if raw else []
        whole = raw.endswith(b"\n") and b"\r" not in raw and columns == list(self.rows.columns)
        if not whole:
            self._write_whole()
        with self.path.open("ab"):
            pass  # a file that cannot be written says so now, not after the first run

    def _write_whole(self) -> None:
        text = self.rows.to_csv(index=False, lineterminator="\n")
        write_whole(self.path, text.encode("utf-8"))
