"""The learner's progress: one append-only file, one line of JSON for each check or hint. Nothing here raises.

Which hint of a task comes next is read from it: three steps, one further at each call, the last nearly the answer.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ..storage import course_home
from .report import Report
from .tasks import UnknownTask, all_tasks, find_task, next_open_task, say, texts, word

_TRIED = ("passed", "failed", "stopped", "error")
# Lines that could not be written, by file: the next write that works writes them too.
_waiting: dict[Path, list[bytes]] = {}


def kept_file(name: str = "progress.jsonl") -> Path:
    """Return where progress is kept, or another file beside it. It can be copied to another machine as it is.

    Raises:
        OSError: there is no such place on this computer.
    """
    try:
        return course_home() / name
    except (RuntimeError, KeyError, ValueError) as error:  # no HOME, a user who does not exist
        raise OSError(str(error)) from error


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


def append(entry: dict, name: str = "progress.jsonl") -> tuple[str, ...]:
    """Append one line in a single write, so that two kernels may write at once and a kill tears one line at most.

    Args:
        entry: what the line holds; the time is added.
        name: the file, beside the progress.

    Returns:
        Sentences for the learner: none, or why the line could not be written.
    """
    line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **entry}).encode() + b"\n"
    try:
        path = kept_file(name)
    except OSError as error:
        return (say("progress_nowhere", reason=error.strerror or error),)
    waiting = _waiting.setdefault(path, [])
    waiting.append(line)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while waiting:
            _append_line(path, waiting[0])
            waiting.pop(0)
    except OSError as error:
        return (say("progress_not_saved", path=path, reason=error.strerror or error),)
    return ()


def _append_line(path: Path, line: bytes) -> None:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o644)
    try:
        # A line torn by a crash or a full disk has no end; without a newline it would swallow this one too.
        end = os.lseek(handle, 0, os.SEEK_END)
        if end and _last_byte(handle, end) != b"\n":
            line = b"\n" + line
        if os.write(handle, line) < len(line):
            raise OSError(say("short_write"))
        os.fsync(handle)
    finally:
        os.close(handle)


def _last_byte(handle: int, end: int) -> bytes:
    os.lseek(handle, end - 1, os.SEEK_SET)
    return os.read(handle, 1)


def read_entries(name: str = "progress.jsonl") -> tuple[list[dict], tuple[str, ...]]:
    """Return every readable line of a file beside the progress, those that wait to be written, and sentences."""
    try:
        path = kept_file(name)
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        nowhere = say("progress_nowhere", reason=error.strerror or error)
        return [], (nowhere if error.filename is None else _unreadable(error),)
    parsed = [_parse(line) for line in (*lines, *_waiting.get(path, ()))]
    damaged = [
        n
        for n, (line, entry) in enumerate(zip(lines, parsed, strict=False), 1)
        if line.strip() and entry is None
    ]
    notes = ()
    if damaged:
        sentence = "damaged_line" if len(damaged) == 1 else "damaged_lines"
        notes = (say(sentence, count=len(damaged), first=damaged[0], path=path),)
    return [entry for entry in parsed if entry is not None], notes


def _unreadable(error: OSError) -> str:
    return say("progress_unreadable", path=error.filename, reason=error.strerror or error)


def _parse(line: bytes) -> dict | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    named = (entry[key] for key in ("task", "hint", "prediction", "status") if key in entry)
    return entry if all(isinstance(value, str) for value in named) else None


def passed_tasks() -> set[str]:
    """Return the ids of all tasks that were ever passed: a later failed attempt takes nothing away."""
    entries = read_entries()[0]
    return {entry["task"] for entry in entries if entry.get("status") == "passed" and "task" in entry}


@dataclass(frozen=True)
class Progress:
    """A table over all tasks: lesson, task, state, attempts."""

    rows: tuple[tuple[str, str, str, int], ...]
    path: str
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        return sum(state == "passed" for _, _, state, _ in self.rows)

    @property
    def title(self) -> str:
        return say("progress_title", passed=self.passed, total=len(self.rows))

    @property
    def headings(self) -> tuple[str, ...]:
        return tuple(word(column) for column in ("lesson", "task", "state", "attempts"))

    def sentences(self) -> list[str]:
        """Return what stands around the table: how far, what next, and where it is kept."""
        task = next_open_task({task for _, task, state, _ in self.rows if state == "passed"})
        after = say("progress_done")
        if task:
            after = say("progress_next", task=task.task_id, title=task.title, lesson=task.lesson)
        where = [say("progress_where", path=self.path)] if self.path else []
        return [after, *where, *self.notes]

    def __str__(self) -> str:
        rows = [self.headings, *((a, b, word(state), str(n or "")) for a, b, state, n in self.rows)]
        lesson, task, state, attempts = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [
            f"  {a:<{lesson}}  {b:<{task}}  {c:<{state}}  {d:>{attempts}}".rstrip() for a, b, c, d in rows
        ]
        return "\n".join([self.title, "", *lines, "", *self.sentences()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .html import progress_html

        return progress_html(self)


def progress() -> Progress:
    """Return the table of all tasks with state and attempts, what to do next, and how well predictions went."""
    from .predictions import calibration

    entries, notes = read_entries()
    rows = tuple(_row(task.task_id, task.lesson, entries) for task in all_tasks().values())
    old = sorted(
        {e["task"] for e in entries if e.get("status") == "passed" and e.get("task") in texts()["retired"]}
    )
    also = (say("also_passed", tasks=", ".join(old)),) if old else ()
    try:
        path = str(kept_file())
    except OSError:
        path = ""
    return Progress(rows, path, (*also, *notes, *_writable_note(path), *calibration()))


def _writable_note(path: str) -> tuple[str, ...]:
    existing = path and os.path.exists(path)
    if existing and not os.access(path, os.W_OK):
        return (say("progress_read_only", path=path, reason=os.strerror(13)),)
    return ()


def _row(task_id: str, lesson: str, entries: list[dict]) -> tuple[str, str, str, int]:
    states = [entry.get("status") for entry in entries if entry.get("task") == task_id]
    tried = [state for state in states if state in _TRIED]
    state = "passed" if "passed" in tried else (tried[-1] if tried else "not attempted")
    return lesson, task_id, state, len(tried)


@dataclass(frozen=True)
class Hint:
    """One hint; in Jupyter it shows itself."""

    heading: str
    text: str = ""
    after: str = ""

    def __str__(self) -> str:
        return "\n".join(filter(None, [self.heading, self.text, self.after]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .html import hint_html

        return hint_html(self)


def hint(task_id: str, step: int | None = None) -> Hint:
    """Return the next hint of a task, or the one with number ``step`` (1 to 3). It never raises.

    Which hint comes next is kept with the progress, so that it survives a restart.
    """
    try:
        task = find_task(task_id)
    except UnknownTask as unknown:
        return Hint(str(unknown))
    count = len(task.hints)
    if step is None:
        step = min(_shown(task_id, count) + 1, count)
    elif isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= count:
        return Hint(say("hint_step", step=repr(step), count=count))
    append({"hint": task_id, "step": step})
    after = say("hint_more", task=task_id) if step < count else say("hint_last")
    return Hint(say("hint_heading", step=step, count=count, task=task_id), task.hints[step - 1], after)


def _shown(task_id: str, count: int) -> int:
    """Return the highest step shown so far; not the number of calls, so that hint(task, 1) can be read again."""
    steps = [entry.get("step") for entry in read_entries()[0] if entry.get("hint") == task_id]
    return max((step for step in steps if isinstance(step, int) and 1 <= step <= count), default=0)
