"""What leads from notebook to notebook, and every count and duration that stands beside it.

The lessons, their tasks and minutes are read from authoring/: a title ``# 03 · Channel attention: ...``,
``**Time** 30 minutes``, and tasks ``### Task 4 · Halfway (difficulty 3 of 5, 8 min)``. From it come the line under an
exercise's title, the last cell of every notebook, lesson 00's table (in place of ``<!-- lessons -->``), and the
numbers in README's table. Nobody writes them by hand; what a lesson is good for stands in README's table.
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from nbformat.v4 import new_markdown_cell

TABLE = "<!-- lessons -->"
UNSAID = "(say here what one can do after this lesson)"
NUMBERS = (
    "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
TITLE = re.compile(r"^# # (?:\S+ · )?([^:?\n]+\??)", re.MULTILINE)
TIME = re.compile(r"\*\*Time\*\* (\d+) minutes")
TASK = re.compile(r"^# ### Task \d+ .*?(?:(\d+) min\))?$", re.MULTILINE)
ROW = re.compile(r"^\| (\w+) \| \[[^|]*\]\([^)|]*\)[^|]*\| ([^|]*) \|.*\|$", re.MULTILINE)


@dataclass(frozen=True)
class Lesson:
    """One lesson and its exercise. One whose number ends in a letter, such as 06b, is optional."""

    stem: str
    title: str
    minutes: int
    tasks: int
    exercise_minutes: int

    @property
    def number(self) -> str:
        """The first word of the file's name."""
        return self.stem.split("_")[0]

    @property
    def optional(self) -> bool:
        """Whether the way from lesson to lesson leads past it."""
        return not self.number.isdigit()

    @property
    def all_minutes(self) -> int:
        """Minutes of the lesson and its exercise."""
        return self.minutes + self.exercise_minutes

    def link(self, folder: str = "") -> str:
        """Return a link to the lesson; ``folder`` leads to notebooks/."""
        return f"[{self.number} · {self.title}]({folder}{self.stem}.ipynb)"


def read_lessons(root: Path) -> list[Lesson]:
    """Return the lessons that root/authoring holds, in their order."""
    paths = sorted((root / "authoring").glob("*.py"))
    return [_lesson(path) for path in paths if not path.stem.endswith("_exercise")]


def _lesson(path: Path) -> Lesson:
    text, exercise = path.read_text(encoding="utf-8"), path.with_name(f"{path.stem}_exercise.py")
    tasks = TASK.findall(exercise.read_text(encoding="utf-8")) if exercise.exists() else []
    title, time = TITLE.search(text), TIME.search(text)
    # A task takes some people longer than its author thinks: up to the next five minutes.
    minutes = math.ceil(sum(int(task or 0) for task in tasks) / 5) * 5
    return Lesson(
        path.stem, title[1].strip() if title else path.stem, int(time[1]) if time else 0, len(tasks), minutes
    )


def add_navigation(cells, stem: str, root: Path, place=None):
    """Return the cells of a source with what leads from it to other notebooks.

    Args:
        cells: those of ``authoring/STEM.py``.
        stem: of a lesson or of an exercise.
        root: the folder that holds authoring/ and README.md.
        place: where the course is published, as in ``colab_links.published``; ``None`` for nowhere.
    """
    lessons = read_lessons(root)
    lesson = next(one for one in lessons if one.stem == stem.removesuffix("_exercise"))
    if stem == lesson.stem:
        cells = [_filled(cell, lessons, root) for cell in cells]
        return [*cells, new_markdown_cell(_after_lesson(lesson, lessons, place))]
    title, newline, rest = cells[0]["source"].partition("\n")
    about = f"{_tasks(lesson)}. The lesson: {lesson.link('../notebooks/')}. Words and symbols: {_GLOSSARY}."
    first = _with_source(cells[0], f"{title}\n\n{about}{newline}{rest}")
    return [first, *cells[1:], new_markdown_cell(_after_exercise(lesson, lessons, place))]


_GLOSSARY = "[glossary](../GLOSSARY.md)"


def _word(number):
    return NUMBERS.split()[number]


def _with_source(cell, source):
    return new_markdown_cell(source, metadata=cell["metadata"])


def _tasks(lesson):
    plural = "" if lesson.tasks == 1 else "s"
    return f"{_word(lesson.tasks).capitalize()} task{plural}, about {lesson.exercise_minutes} minutes"


def _after_lesson(lesson, lessons, place):
    parts = []
    if lesson.tasks:
        name = f"{lesson.stem}_exercise.ipynb"
        ways = [
            f"on your computer: [your copy](../work/{name}), which `make lab` or `python -m cbam_course sync` makes",
            f"on GitHub, to read: [the blank exercise](../exercises/{name})",
        ]
        if place:
            ways.append(f"in Colab: [the exercise]({place.colab(f'exercises/{name}')})")
        parts += ["## Now you", f"{_tasks(lesson)}:", "\n".join(f"* {way}" for way in ways)]
    before, after = _neighbours(lesson, lessons)
    around = [f"Before: {before.link()}."] if before else []
    parts.append(
        " ".join([*around, *_onward(lesson, after, lessons, "", place), f"Words and symbols: {_GLOSSARY}."])
    )
    return "\n\n".join(parts)


def _after_exercise(lesson, lessons, place):
    _, after = _neighbours(lesson, lessons)
    back = f"Back to the lesson: {lesson.link('../notebooks/')}."
    onward = _onward(lesson, after, lessons, "../notebooks/", place)
    return " ".join([back, *onward, f"Words and symbols: {_GLOSSARY}."])


def _neighbours(lesson, lessons):
    """Return the lessons before and after this one; the way leads past optional ones."""
    place = lessons.index(lesson)
    before = [one for one in lessons[:place] if not one.optional]
    after = [one for one in lessons[place + 1 :] if not one.optional]
    return (before or [None])[-1], (after or [None])[0]


def _onward(lesson, after, lessons, folder, place):
    more = [one for one in lessons if one.optional and one.number[:-1] == lesson.number]
    for one, word in [*((one, "If you want more") for one in more), *([(after, "Next")] if after else [])]:
        colab = f" ([in Colab]({place.colab(f'notebooks/{one.stem}.ipynb')}))" if place else ""
        yield f"{word}: {one.link(folder)}{colab}."


def _filled(cell, lessons, root):
    if cell["cell_type"] != "markdown" or TABLE not in cell["source"]:
        return cell
    rows = ["| no. | lesson | afterwards you can | hours, with its exercise |", "|---|---|---|---|"]
    can = purposes(root)
    for one in lessons:
        link = (
            one.title if cell["source"].startswith(f"# {one.number}") else f"[{one.title}]({one.stem}.ipynb)"
        )
        rows.append(
            f"| {one.number} | {link}{_optional(one)} | {can.get(one.number, UNSAID)} | {_hours(one.all_minutes)} |"
        )
    exercises = sum(one.exercise_minutes for one in lessons if not one.optional)
    total = f"About {_whole_hours(lessons)} hours in all, {_word(round(exercises / 60))} of them for the exercises."
    table = "\n".join([*rows, "", total])
    return _with_source(cell, cell["source"].replace(TABLE, table))


def _optional(lesson):
    return " (optional)" if lesson.optional else ""


def _hours(minutes):
    whole, quarters = divmod(round(minutes / 15), 4)
    return f"{whole or ''}{('', '¼', '½', '¾')[quarters]}" or "0"


def _whole_hours(lessons):
    return _word(round(sum(one.all_minutes for one in lessons if not one.optional) / 60))


def purposes(root: Path) -> dict[str, str]:
    """Return number -> what one can do after that lesson, as README's table says."""
    readme = root / "README.md"
    return dict(ROW.findall(readme.read_text(encoding="utf-8"))) if readme.exists() else {}


def with_numbers(root: Path) -> str:
    """Return README's text with the rows of its table and the counts in its prose as they should be.

    Raises:
        ValueError: a sentence or the table that holds a number is gone.
    """
    text, lessons = (root / "README.md").read_text(encoding="utf-8"), read_lessons(root)
    can, seconds = purposes(root), _seconds(root)
    rows = "".join(
        f"| {one.number} | [{one.title}](notebooks/{one.stem}.ipynb){_optional(one)} "
        f"| {can.get(one.number, UNSAID)} | {one.minutes} + {one.exercise_minutes} "
        f"| {seconds.get(f'notebooks/{one.stem}.ipynb', '?')} s |\n"
        for one in lessons
    )
    counts = [one.tasks for one in lessons if one.tasks]
    for pattern, number in (
        (r"(?<=its cells run \|\n\|---\|---\|---\|---\|---\|\n)(?:\|.*\n)*", rows),
        (r"(?<=the course takes about )\w+(?= hours)", _whole_hours(lessons)),
        (
            r"(?<=exercise notebook with )\w+ to \w+(?= tasks)",
            f"{_word(min(counts))} to {_word(max(counts))}",
        ),
    ):
        text, found = re.subn(pattern, number.replace("\\", r"\\"), text)
        if found != 1:
            raise ValueError(
                f"README.md holds {found} places like {pattern!r}, where a number belongs, not one."
            )
    return text


def _seconds(root):
    with (root / "results" / "notebooks.csv").open(encoding="utf-8", newline="") as file:
        return {row["notebook"]: round(float(row["seconds"])) for row in csv.DictReader(file)}
