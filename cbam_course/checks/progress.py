"""The learner's progress: one append-only file, one line of JSON for each check or hint."""

import json
import os
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..storage import course_home
from .report import Report
from .task import next_open_task
from .texts import all_texts, say, word


def progress_file() -> Path:
    """Return where progress is kept. The file can be copied to another machine as it is."""
    return course_home() / "progress.jsonl"


def record(report: Report) -> tuple[str, ...]:
    """Append the outcome of a check; return sentences for the learner if that was not possible."""
    return append(
        {
            "task": report.task_id,
            "status": report.status,
            "mistake": report.mistake,
            "holding": report.holding,
            "of": len(report.findings),
        }
    )


def append(entry: dict) -> tuple[str, ...]:
    """Append one line in a single write, so that two kernels may write at once and a kill tears one line at most."""
    path = progress_file()
    line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **entry}) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _append_line(path, line.encode())
    except OSError as error:
        return (say("progress_not_saved", path=path, reason=error.strerror or error),)
    return ()


def _append_line(path: Path, line: bytes) -> None:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o644)
    try:
        # A line torn by a crash has no end; without a newline of our own it would swallow this one too.
        end = os.lseek(handle, 0, os.SEEK_END)
        if end and _last_byte(handle, end) != b"\n":
            line = b"\n" + line
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)


def _last_byte(handle: int, end: int) -> bytes:
    os.lseek(handle, end - 1, os.SEEK_SET)
    return os.read(handle, 1)


def read_entries() -> tuple[list[dict], list[str]]:
    """Return every readable line of the progress file, and a sentence for each damaged one."""
    path = progress_file()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return [], []
    entries, torn = [], []
    for number, line in enumerate(lines, 1):
        entry = _parse(line)
        if entry is not None:
            entries.append(entry)
        elif line.strip():
            torn.append(say("torn_line", number=number, path=path))
    return entries, torn


def _parse(line: str) -> dict | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def passed_tasks() -> set[str]:
    """Return the ids of all tasks that were ever passed: a later failed attempt takes nothing away."""
    return {e.get("task") for e in read_entries()[0] if e.get("status") == "passed"}


@dataclass(frozen=True)
class Progress:
    """A table over all tasks: lesson, task, state, attempts."""

    rows: tuple[tuple[str, str, str, int], ...]
    path: Path
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        return sum(state == "passed" for _, _, state, _ in self.rows)

    def sentences(self) -> list[str]:
        """Return what stands around the table: how far, what next, and where it is kept."""
        done = {task for _, task, state, _ in self.rows if state == "passed"}
        following = next_open_task(done)
        after = (
            say("progress_next", task=following.task_id, title=following.title, lesson=following.lesson)
            if following
            else say("progress_done")
        )
        return [after, say("progress_where", path=self.path), *self.notes]

    def title(self) -> str:
        return say("progress_title", passed=self.passed, total=len(self.rows))

    def __str__(self) -> str:
        width = max((len(task) for _, task, _, _ in self.rows), default=4)
        lines = [
            f"  {lesson}  {task:<{width}}  {word(state):<14}{attempts or '':>3}"
            for lesson, task, state, attempts in self.rows
        ]
        return "\n".join([self.title(), "", *lines, "", *self.sentences()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cells = (
            f"<tr><td>{lesson}</td><td style='text-align:left'>{escape(task)}</td>"
            f"<td style='text-align:left'>{_SIGN[state]} {escape(word(state))}</td><td>{attempts or ''}</td></tr>"
            for lesson, task, state, attempts in self.rows
        )
        closing = "".join(f"<div>{escape(sentence)}</div>" for sentence in self.sentences())
        return f"<strong>{escape(self.title())}</strong><table>{''.join(cells)}</table>{closing}"


_SIGN = {"passed": "✔", "failed": "✘", "error": "!", "not attempted": "○"}


def progress() -> Progress:
    """Return the table of all tasks with state and attempts, and what to do next."""
    entries, notes = read_entries()
    rows = tuple(_row(text.task_id, text.lesson, entries) for text in all_texts().values())
    return Progress(rows, progress_file(), tuple(notes))


def _row(task_id: str, lesson: str, entries: list[dict]) -> tuple[str, str, str, int]:
    states = [e.get("status") for e in entries if e.get("task") == task_id]
    tried = [state for state in states if state in ("passed", "failed", "error")]
    state = "passed" if "passed" in tried else (tried[-1] if tried else "not attempted")
    return lesson, task_id, state, len(tried)
