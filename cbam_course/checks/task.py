"""A task: its texts and the function that examines an answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

from .report import Finding
from .texts import TaskText, all_texts, file_name, say

Examiner = Callable[..., Iterator[Finding]]


@dataclass(frozen=True)
class Task:
    """One task of the course; ``examine(answer, find)`` yields one finding per property."""

    text: TaskText
    examine: Examiner


class UnknownTask(LookupError):
    """There is no task with this id; the message names the nearest ones."""


def find_task(task_id: str) -> Task:
    """Return the task with this id."""
    text = find_text(task_id)
    module = import_module(f"{__package__}.lesson_{text.lesson}.{file_name(task_id)}")
    return Task(text, module.examine)


def find_text(task_id: str) -> TaskText:
    """Return the texts of the task with this id, or raise :class:`UnknownTask`."""
    texts = all_texts()
    if isinstance(task_id, str) and task_id in texts:
        return texts[task_id]
    near = get_close_matches(str(task_id), texts, n=1, cutoff=0.5)
    cure = say("did_you_mean", near=near[0]) if near else say("known_tasks", known=", ".join(texts))
    raise UnknownTask(say("unknown_task", task=repr(task_id), cure=cure))


def next_open_task(passed: set[str], lesson: str | None = None) -> TaskText | None:
    """Return the first task, of one lesson or of all, that is not among ``passed``."""
    texts = all_texts().values()
    return next((t for t in texts if t.task_id not in passed and lesson in (None, t.lesson)), None)
