"""The command line: every command does one thing, and what is missing is said in a sentence."""

import csv
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest

from cbam_course import measure
from cbam_course.__main__ import COMMANDS, main
from cbam_course.measure import Measurement, measure_course


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course with one exercise, as the current folder."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "03_gates_exercise.ipynb").write_text(json.dumps({"cells": []}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_runs_as_a_module_from_any_folder(tmp_path):
    run = [sys.executable, "-m", "cbam_course", "--help"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    for command in (
        "lab",
        "doctor",
        "measure",
        "progress",
        "sync",
        "reset",
        "sweep",
        "experiment",
        "cost",
        "table",
    ):
        assert command in done.stdout


def test_doctor_prints_the_report_and_fails_with_it(capsys, monkeypatch):
    assert main(["doctor"]) == 0
    assert "[ok]   Python" in capsys.readouterr().out
    monkeypatch.setattr("cbam_course.doctor.platform.python_version", lambda: "3.9.0")
    assert main(["doctor"]) == 1


def test_progress_prints_the_table(capsys):
    assert main(["progress"]) == 0
    assert "squeeze-excitation" in capsys.readouterr().out


def test_sync_says_what_it_did_and_then_that_all_is_done(course, capsys):
    assert main(["sync"]) == 0
    assert capsys.readouterr().out == "work/03_gates_exercise.ipynb is new.\n"
    assert main(["sync"]) == 0
    assert capsys.readouterr().out == "work/ is up to date.\n"


def test_reset_gives_a_fresh_copy_or_names_the_numbers_there_are(course, capsys):
    assert main(["reset", "3"]) == 0
    assert "is a fresh copy" in capsys.readouterr().out
    assert main(["reset", "8"]) == 1
    assert capsys.readouterr().err == "number is '8'; give the number of an exercise: 03.\n"


@pytest.mark.parametrize("command", ["sync", "reset 3", "measure"])
def test_outside_the_course_a_sentence_says_where_to_go(command, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("cbam_course.workspace.__file__", str(tmp_path / "workspace.py"))
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 1
    assert "is not inside the course; go to the folder" in capsys.readouterr().err


def test_only_the_command_that_was_typed_is_imported(monkeypatch):
    imported = []

    def note(name):
        imported.append(name)
        return types.SimpleNamespace(add_arguments=lambda parser: None, run=lambda options: 0)

    monkeypatch.setattr("cbam_course.__main__.import_module", note)
    assert main(["table"]) == 0
    assert imported == ["cbam_course.inspection.table"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert f"python -m cbam_course {name}" in capsys.readouterr().out


def test_sync_fails_where_something_could_not_be_written_and_says_what(course, capsys, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["sync"]) == 1
    assert capsys.readouterr().out == (
        "work/03_gates_exercise.ipynb could not be written (No space left on device).\n"
    )


@pytest.mark.parametrize("command", ["sync", "reset 3"])
def test_a_file_in_the_place_of_work_is_a_sentence(course, capsys, command):
    (course / "work").write_text("in the way")
    assert main(command.split()) == 1
    assert capsys.readouterr().err == f"{course / 'work'} could not be written or read (File exists).\n"


@pytest.mark.parametrize("out", ["exercises", "in the way/notebooks.csv"])
def test_a_table_that_cannot_be_written_is_refused_before_the_first_notebook_runs(
    course, capsys, monkeypatch, out
):
    (course / "in the way").write_text("")
    monkeypatch.setattr(measure, "measure", lambda *_, **__: pytest.fail("a notebook ran"))
    assert main(["measure", "--out", out]) == 1
    assert "could not be written or read (" in capsys.readouterr().err


def test_a_command_learns_what_was_typed_and_may_ask_for_arguments_that_it_does_not_know(monkeypatch):
    seen = []

    def add_arguments(parser):
        parser.add_argument("--seeds", type=int)
        parser.set_defaults(others=[])

    stub = types.SimpleNamespace(add_arguments=add_arguments, run=lambda options: seen.append(options) or 3)
    monkeypatch.setattr("cbam_course.__main__.import_module", lambda name: stub)
    words = ["sweep", "--port", "8890", "--seeds", "5", "a.ipynb"]
    assert main(words) == 3
    assert (seen[0].seeds, seen[0].others) == (5, ["--port", "8890", "a.ipynb"])
    assert seen[0].words == words


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("cbam_course.experiments.sweep", "sweep is not part of this version of the course"),
        ("joblib", "sweep needs the package joblib, which is not installed: pip install joblib"),
    ],
)
def test_a_missing_part_gives_a_sentence(monkeypatch, capsys, module, sentence):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("cbam_course.__main__.import_module", missing)
    assert main(["sweep"]) == 1
    assert capsys.readouterr().err.startswith(sentence)


def test_an_unknown_argument_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["sync", "--force"])
    assert "unrecognized arguments: --force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("measured", "problem"),
    [
        (Measurement("notebooks/01_a.ipynb", 90, 2.0, True), ""),
        (Measurement("notebooks/01_a.ipynb", 91, 0.1, True), "too slow"),
        (Measurement("solutions/01_a.ipynb", 31, 0.1, True), "too slow"),
        (Measurement("exercises/01_a.ipynb", 1, 2.1, True), "too much memory"),
        (Measurement("exercises/01_a.ipynb", 1, 0.1, False), "stopped with an error"),
    ],
)
def test_a_notebook_is_held_to_its_ceilings(measured, problem):
    assert measured.problem == problem


def test_all_notebooks_together_have_a_ceiling_too(course, monkeypatch):
    measured = Measurement("exercises/x.ipynb", 20, 0.1, True)
    monkeypatch.setattr(measure, "measure", lambda path, root: measured)
    assert measure_course(course) == 0
    monkeypatch.setattr(measure, "TOTAL_CEILING", 19)
    assert measure_course(course) == 1


def test_measure_runs_a_notebook_writes_a_table_and_leaves_no_trace(course, capsys):
    path = course / "notebooks" / "01_one.ipynb"
    cell = nbformat.v4.new_code_cell(
        # Written bytes: zeros that were only asked for may take no memory. Held a while: memory is sampled.
        'memory = b"x" * 500_000_000\nimport time\ntime.sleep(1)\n'
        "from cbam_course.storage import course_home\ncourse_home()"
    )
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    (course / "exercises" / "03_gates_exercise.ipynb").unlink()
    before = path.read_bytes()
    assert main(["measure", "--only", "01", "--out", "results/notebooks.csv"]) == 0
    (row,) = csv.DictReader(Path("results/notebooks.csv").read_text().splitlines())
    assert row["notebook"] == "notebooks/01_one.ipynb"
    assert 0.4 < float(row["peak_gib"]) < 1.5
    assert float(row["seconds"]) > 0
    assert {"torch", "python", "device", "cores", "date"} <= set(row)
    assert "notebooks/01_one.ipynb" in capsys.readouterr().out
    assert path.read_bytes() == before
    assert not Path(os.environ["CBAM_COURSE_HOME"]).exists()


def test_the_registered_experiments_are_listed_and_an_unknown_one_gets_their_names(capsys):
    assert main(["experiment", "list"]) == 0
    assert "learning-rate" in capsys.readouterr().out
    assert main(["experiment", "run", "magic"]) == 1
    assert capsys.readouterr().err.startswith("No experiment 'magic' is registered; there are: cifar10, ")


def test_verify_exits_with_one_and_a_sentence(capsys, monkeypatch):
    monkeypatch.setattr("cbam_course.experiments.verify.faults", lambda ledger: ["a row is missing"])
    assert main(["experiment", "verify"]) == 1
    assert "a row is missing" in capsys.readouterr().err
    monkeypatch.setattr("cbam_course.experiments.verify.faults", lambda ledger: [])
    assert main(["experiment", "verify"]) == 0
