"""The tasks of the course, and every sentence that a check can say: data in TOML, read here and nowhere else."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.resources import files

# Lessons lie above the checks and import from them, so they are found by name.
LESSONS = "cbam_course.lessons"


@dataclass(frozen=True)
class Task:
    """One task: everything a learner can be told about it, and the function that examines an answer."""

    task_id: str
    lesson: str
    lesson_title: str
    title: str
    kind: str  # "class", "function" or "value"
    hints: tuple[str, ...]
    properties: dict[str, dict[str, str]]  # slug -> says, expected, got
    mistakes: dict[str, str]  # slug -> what was done, what is meant, the first step of the cure
    given: tuple[str, ...] = ()  # methods that the exercise already contains
    optional: tuple[str, ...] = ()  # properties that a right answer may leave untested
    changes_input: bool = False  # whether a function is meant to change what it is handed

    @property
    def name(self) -> str:
        """The task's id as Python wants it: the name of its examiner."""
        return self.task_id.replace("-", "_")

    @property
    def examiner(self) -> Callable[..., None]:
        """The lesson's function ``examiner(answer, find)``."""
        return getattr(import_module(f"{LESSONS}.lesson_{self.lesson}"), self.name)


class UnknownTask(LookupError):
    """There is no task with this id; the message names its successor, or the nearest ids."""


@cache
def texts() -> dict:
    """Return the words and sentences that all tasks share."""
    return _read(__package__, "texts.toml")


def say(sentence: str, **values: object) -> str:
    """Return one of the shared sentences with its braces filled in."""
    return texts()["sentences"][sentence].format(**values)


def word(name: str) -> str:
    """Return the learner's word for a status, such as "passed"."""
    return texts()["words"][name]


@cache
def all_tasks() -> dict[str, Task]:
    """Return all tasks by id, in the order of the lessons."""
    names = sorted(f.name for f in files(LESSONS).iterdir() if f.name.endswith(".toml"))
    return {task.task_id: task for name in names for task in _lesson(name)}


def find_task(task_id: str) -> Task:
    """Return the task with this id.

    Raises:
        UnknownTask: there is none.
    """
    tasks = all_tasks()
    if not isinstance(task_id, str) or task_id not in tasks:
        raise UnknownTask(say("unknown_task", task=repr(task_id), cure=_cure(str(task_id), list(tasks))))
    return tasks[task_id]


def next_open_task(passed: set[str], lesson: str | None = None) -> Task | None:
    """Return the first task, of one lesson or of all, that is not among ``passed``."""
    tasks = all_tasks().values()
    return next((t for t in tasks if t.task_id not in passed and lesson in (None, t.lesson)), None)


def _cure(task_id: str, known: list[str]) -> str:
    retired = texts()["retired"]
    if task_id in retired:
        return say("successor", task=retired[task_id]) if retired[task_id] else say("retired")
    near = get_close_matches(task_id, known, n=1, cutoff=0.5)
    return say("did_you_mean", near=near[0]) if near else say("known_tasks", known=", ".join(known))


def _lesson(name: str) -> list[Task]:
    entries = _read(LESSONS, name)
    number = name.removeprefix("lesson_").removesuffix(".toml")
    return [_task(task_id, number, entries["title"], entry) for task_id, entry in entries["tasks"].items()]


def _task(task_id: str, lesson: str, lesson_title: str, entry: dict) -> Task:
    probed = _read(__package__, "module_probes.toml") if "uses" in entry else {}
    used = {slug: probed["properties"][slug] for slug in entry.get("uses", ())}
    return Task(
        task_id=task_id,
        lesson=lesson,
        lesson_title=lesson_title,
        title=entry["title"],
        kind=entry["kind"],
        hints=tuple(entry["hints"]),
        properties={**used, **entry.get("properties", {})},
        mistakes={**texts()["mistakes"], **probed.get("mistakes", {}), **entry.get("mistakes", {})},
        given=tuple(entry.get("given", ())),
        optional=tuple(entry.get("optional", ())),
        changes_input=bool(entry.get("changes_input", False)),
    )


def _read(package: str, name: str) -> dict:
    return tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))
