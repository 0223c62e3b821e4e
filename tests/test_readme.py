"""README: its commands work, its numbers are those of the course and of the measurements."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lab_server import ROOT, copy_course, serve
from navigation import UNSAID, with_numbers

README = (ROOT / "README.md").read_text("utf-8")
ROWS = re.findall(
    r"^\| (\w+) \| \[.+?\]\((notebooks/.+?)\)[^|]*\| (.*) \| (.*) \| (\d+|\?) s \|$", README, re.M
)
START = README.partition("\n## Start\n")[2].partition("\n## ")[0]
LINES = "".join(re.findall(r"^```\n(.*?)^```$", START, re.M | re.S)).splitlines()
COMMANDS = sorted({re.sub(r"\s+#.*", "", line) for line in LINES})
# What fetches the course, makes an environment or installs into it.
INSTALLS = re.compile(
    r"git clone <|cd cbam-course$|py -3 -m venv \.venv$|\.venv\\Scripts\\activate$|(python -m )?pip install |"
    r"conda env create -f environment\.yml$|conda activate cbam-course$"
)
MAKE = os.name == "posix" and shutil.which("make")
OPENS = [command for command in COMMANDS if not INSTALLS.match(command)]


def measured():
    with (ROOT / "results" / "notebooks.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_its_commands_install_or_open_the_course():
    assert all(command.startswith(("make lab", "python -m cbam_course lab")) for command in OPENS), OPENS
    assert {"make lab", "python -m cbam_course lab"} <= set(OPENS)
    assert len(COMMANDS) > len(OPENS) > 3


@pytest.mark.parametrize("arguments", ["", "--index-url somewhere"])
def test_make_lab_says_what_it_installs_and_how_much_that_is_before_it_begins(course, tmp_path, arguments):
    if not MAKE:
        pytest.skip("no make on this computer")
    echo = shutil.which("echo")
    command = ["make", "lab", f"PY={echo}", f"VENV={tmp_path}", f"PIP_ARGS={arguments}", "ARGS=--no-browser"]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=True)
    said = done.stdout.index("Installing the course and what it needs")
    installed, opened = (
        done.stdout.index(f"\n-m {words}") for words in ("pip install", "cbam_course lab --no-browser")
    )
    assert said < installed < opened
    assert ("downloads about 3 GB on Linux" in done.stdout) == (not arguments), (
        "with a build of their choice, who knows"
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A fresh copy of the course, whose environment is already made: the one that runs the tests."""
    course = copy_course(tmp_path_factory.mktemp("clone") / "cbam-course")
    (course / ".venv").mkdir()
    (course / ".venv" / "installed").touch()
    return course


@pytest.mark.parametrize("command", OPENS)
def test_a_command_that_opens_the_course_serves_all_of_it_at_the_first_lesson(command, course, tmp_path):
    words = shlex.split(command)
    if words[0] == "make":
        if not MAKE:
            pytest.skip("no make on this computer")
        words.append(f"PY={sys.executable}")
    else:
        words[0] = sys.executable
    if os.name != "posix":  # nobody looks at the browser that would open
        words.append("--no-browser")
    # The browser writes down what it was asked to show.
    note = tmp_path / "browser.txt"
    browser = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"w\").write(sys.argv[2])' {note} %s"
    with serve([words], course, tmp_path, BROWSER=browser) as server:
        assert server.root.resolve() == course.resolve()
        for path in ("notebooks/00_start_here.ipynb", "work/00_start_here_exercise.ipynb", "GLOSSARY.md"):
            assert not isinstance(server.contents(path), int), f"{path} is out of reach"
    said = server.log.read_text(encoding="utf-8")
    assert "/lab/tree/notebooks/00_start_here.ipynb?token=" in said
    assert "Downloading" not in said, "the environment was there already"
    assert note.exists() or "--no-browser" in " ".join(words)


def test_its_table_and_its_counts_are_those_of_the_course():
    assert with_numbers(ROOT) == README, "run `make notebooks`"
    assert UNSAID not in README, "say in README's table what one can do after the new lesson"


def test_the_table_has_a_row_for_every_lesson():
    lessons = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert [path for _, path, *_ in ROWS] == lessons
    assert all(Path(path).name.startswith(f"{number}_") for number, path, *_ in ROWS)


def test_its_seconds_are_those_that_were_measured():
    seconds = {row["notebook"]: float(row["seconds"]) for row in measured()}
    assert {path: shown for _, path, _, _, shown in ROWS} == {
        path: str(round(seconds[path])) if path in seconds else "?" for _, path, *_ in ROWS
    }


def test_what_was_measured_ran_to_its_end():
    # That every notebook was measured belongs to a release: until then README says "? s" of a new one.
    rows = measured()
    folders = ("notebooks", "exercises", "solutions")
    there = {p.relative_to(ROOT).as_posix() for folder in folders for p in (ROOT / folder).glob("*.ipynb")}
    assert rows
    assert {row["notebook"] for row in rows} <= there
    assert {row["finished"] for row in rows} == {"True"}


def test_every_notebook_ran_alone_with_colabs_versions():
    with (ROOT / "results" / "colab.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {row["notebook"] for row in rows} <= {Path(row["notebook"]).name for row in measured()}
    assert {row["finished"] for row in rows} == {"True"}
