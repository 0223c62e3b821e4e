"""README's table of lessons: every lesson, and the seconds that were measured."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = re.findall(
    r"^\| (\d\d) \| \[.+?\]\((notebooks/.+?)\) .*\| (\d+) s \|$",
    (ROOT / "README.md").read_text("utf-8"),
    re.M,
)


def measured():
    with (ROOT / "results" / "notebooks.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_a_row_for_every_lesson():
    lessons = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert [path for _, path, _ in ROWS] == lessons
    assert all(Path(path).name.startswith(number) for number, path, _ in ROWS)


def test_its_seconds_are_those_that_were_measured():
    seconds = {row["notebook"]: float(row["seconds"]) for row in measured()}
    assert {path: int(shown) for _, path, shown in ROWS} == {
        path: round(seconds[path]) for _, path, _ in ROWS
    }


def test_every_notebook_was_measured_and_ran_to_its_end():
    rows = measured()
    folders = ("notebooks", "exercises", "solutions")
    there = {p.relative_to(ROOT).as_posix() for folder in folders for p in (ROOT / folder).glob("*.ipynb")}
    assert {row["notebook"] for row in rows} == there
    assert {row["finished"] for row in rows} == {"True"}


def test_every_notebook_ran_alone_with_colabs_versions():
    with (ROOT / "results" / "colab.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["notebook"] for row in rows} == {Path(row["notebook"]).name for row in measured()}
    assert {row["finished"] for row in rows} == {"True"}
