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
from cbam_course.__main__ import main
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
    for command in ("doctor", "measure", "progress", "sync", "reset", "sweep", "experiment", "table"):
        assert command in done.stdout


def test_doctor_prints_the_report_and_fails_with_it(capsys, monkeypatch):
    assert main(["doctor"]) == 0
    assert "[ok]   Python" in capsys.readouterr().out
    monkeypatch.setattr("cbam_course.environment.platform.python_version", lambda: "3.9.0")
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


def test_table_reads_its_own_arguments(monkeypatch):
    seen = []
    stub = types.SimpleNamespace(main=lambda argv: seen.append(argv))
    monkeypatch.setitem(sys.modules, "cbam_course.inspection.table", stub)
    assert main(["table", "--seeds", "3", "--help"]) == 0
    assert seen == [["--seeds", "3", "--help"]]


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
        "from cbam_course.workspace import course_home\ncourse_home()"
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
