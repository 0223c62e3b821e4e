"""The learner-facing texts of the tasks: data in TOML, read here and nowhere else."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class TaskText:
    """Everything a learner can be told about one task."""

    task_id: str
    lesson: str
    lesson_title: str
    title: str
    kind: str  # "class", "function" or "value"
    hints: tuple[str, ...]
    properties: dict[str, dict[str, str]]  # slug -> says, expected, got
    mistakes: dict[str, str]  # slug -> what it is, how it happens
    given: tuple[str, ...] = ()  # methods that the exercise already contains
    optional: tuple[str, ...] = ()  # properties that a right answer may leave untested


@cache
def common() -> dict:
    """Return the words and sentences that all tasks share."""
    return _read("common.toml")


def say(sentence: str, **values: object) -> str:
    """Return one of the shared sentences with its braces filled in."""
    return common()["sentences"][sentence].format(**values)


def word(name: str) -> str:
    """Return the learner's word for a status, such as "passed"."""
    return common()["words"][name]


@cache
def all_texts() -> dict[str, TaskText]:
    """Return the texts of all tasks by id, in the order of the lessons."""
    folders = sorted(f.name for f in files(__package__).iterdir() if f.name.startswith("lesson_"))
    texts = [text for folder in folders for text in _lesson(folder)]
    return {text.task_id: text for text in texts}


def _lesson(folder: str) -> list[TaskText]:
    lesson = _read(folder, "lesson.toml")
    number = folder.removeprefix("lesson_")
    return [_task_text(task_id, number, lesson["title"]) for task_id in lesson["tasks"]]


def _task_text(task_id: str, lesson: str, lesson_title: str) -> TaskText:
    entry = _read(f"lesson_{lesson}", f"{file_name(task_id)}.toml")
    probed = _read("probes", "texts.toml") if "uses" in entry else {"properties": {}, "mistakes": {}}
    used = {slug: probed["properties"][slug] for slug in entry.get("uses", ())}
    return TaskText(
        task_id=task_id,
        lesson=lesson,
        lesson_title=lesson_title,
        title=entry["title"],
        kind=entry["kind"],
        hints=tuple(entry["hints"]),
        properties={**used, **entry.get("properties", {})},
        mistakes={**common()["mistakes"], **probed["mistakes"], **entry.get("mistakes", {})},
        given=tuple(entry.get("given", ())),
        optional=tuple(entry.get("optional", ())),
    )


def file_name(task_id: str) -> str:
    """A task's files are named like the task, with underscores, as Python wants it."""
    return task_id.replace("-", "_")


def _read(*path: str) -> dict:
    return tomllib.loads(files(__package__).joinpath(*path).read_text(encoding="utf-8"))
