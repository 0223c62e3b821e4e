"""The sweep: one row per run, nothing repeated, nothing lost, and a failure stops only itself."""

import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from cbam_course.__main__ import main
from cbam_course.training import fit, sweep, tasks
from cbam_course.training.run import Run, perform
from cbam_course.training.sweep import COLUMNS, run_sweep

RECORD = {"code": "c0de", "commit": "abc", "versions": "python", "command": "typed"}


@pytest.fixture
def small_test_set(monkeypatch):
    monkeypatch.setattr(tasks, "TEST_IMAGES", 30)


@pytest.fixture
def performed(monkeypatch):
    """Replaces the training by a note of what would have been trained."""
    runs = []

    def note(wanted, record, threads, device):
        runs.append(wanted)
        return {**vars(wanted), "accuracy": 0.5, "seconds": 0.1, "threads": threads, "error": "", **record}

    monkeypatch.setattr(sweep, "perform", note)
    return runs


def quick(out, models=("plain", "cbam"), **options):
    options = {"seeds": 2, "epochs": 1, "images": 8, "jobs": 1, "progress": False, **options}
    return run_sweep("scenes-where", list(models), out=out, **options)


def test_a_run_records_its_score_and_what_made_it(small_test_set):
    threads = torch.get_num_threads()
    row = perform(Run("scenes-where", "cbam", 0, 1, 8), RECORD, threads + 1, "cpu")
    assert row["error"] == ""
    assert 0 <= row["accuracy"] <= 1
    assert (row["metric"], row["device"], row["precision"]) == ("accuracy", "cpu", "float32")
    assert row["threads"] == threads + 1
    assert row["parameters"] == 27003
    assert row["peak_memory_mib"] > 50
    assert row["seconds"] > 0
    assert set(row) == set(COLUMNS)
    assert torch.get_num_threads() == threads


def test_the_same_run_gives_the_same_score_and_dense_data_are_scored_by_mean_iou(small_test_set):
    wanted = Run("scenes-what-dense", "channel", 1, 1, 16)
    first, second = (perform(wanted, RECORD, 1, "cpu") for _ in range(2))
    assert first["accuracy"] == second["accuracy"]
    assert first["metric"] == "mean_iou"


def test_a_failing_run_is_recorded_with_its_reason():
    row = perform(Run("scenes-what-dense", "plain-max", 0, 1, 8), RECORD, 1, "cpu")
    assert row["error"].startswith("ValueError: plain-max pools the image into one answer")
    assert "accuracy" not in row


def test_an_interrupted_run_is_no_result(monkeypatch, small_test_set):
    def interrupted(self, epoch, bar):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit._Run, "_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        perform(Run("scenes-where", "plain", 0, 1, 8), RECORD, 1, "cpu")


def test_runs_go_seed_by_seed_and_the_table_model_by_model(tmp_path, performed):
    table = quick(tmp_path / "t.csv", ["plain", "plain-long"])
    assert [(r.model, r.seed, r.epochs) for r in performed] == [
        ("plain", 0, 1), ("plain-long", 0, 3), ("plain", 1, 1), ("plain-long", 1, 3),
    ]  # fmt: skip
    assert table.model.tolist() == ["plain", "plain", "plain-long", "plain-long"]
    assert list(table.columns) == list(COLUMNS)


def test_starting_again_computes_only_what_is_missing(tmp_path, performed):
    out = tmp_path / "t.csv"
    quick(out)
    assert len(quick(out)) == 4
    assert len(performed) == 4
    table = quick(out, ["cbam", "se"], seeds=3)
    assert [(r.model, r.seed) for r in performed[4:]] == [("se", 0), ("se", 1), ("cbam", 2), ("se", 2)]
    assert table.model.tolist() == ["cbam"] * 3 + ["se"] * 3
    assert len(pd.read_csv(out)) == 8


@pytest.mark.parametrize("other", [{"epochs": 2}, {"images": 9}, {"learning_rate": 0.00001234567}])
def test_other_settings_are_other_runs_and_come_back_as_themselves(tmp_path, performed, other):
    out = tmp_path / "t.csv"
    quick(out)
    assert len(quick(out, **other)) == len(quick(out, **other)) == 4
    assert len(performed) == 8


def test_half_a_line_from_a_killed_sweep_is_cut_off_and_its_run_repeated(tmp_path, performed):
    out = tmp_path / "t.csv"
    quick(out)
    out.write_bytes(out.read_bytes()[:-20])
    quick(out)
    assert [(r.model, r.seed) for r in performed[4:]] == [("cbam", 1)]
    assert len(pd.read_csv(out)) == 4


def test_a_sweep_that_is_killed_loses_and_repeats_nothing(tmp_path, performed):
    out = tmp_path / "t.csv"
    script = (
        "import time\n"
        "from cbam_course.training import sweep\n"
        "def slow(run, record, threads, device):\n"
        "    time.sleep(0.3)\n"
        "    return {**vars(run), 'accuracy': 0.25, 'error': '', **record}\n"
        "sweep.perform = slow\n"
        f"sweep.run_sweep('scenes-where', ['plain'], seeds=200, epochs=1, images=8, out={str(out)!r}, jobs=1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (out.exists() and out.read_bytes().count(b"\n") >= 3):
        time.sleep(0.05)
    process.kill()
    process.wait()
    finished = len(sweep._read(out))
    assert 2 <= finished < 200
    table = quick(out, ["plain"], seeds=finished + 1)
    assert len(performed) == 1
    assert table.accuracy.tolist() == [0.25] * finished + [0.5]


def test_runs_in_parallel_processes_give_the_scores_of_one_process(tmp_path):
    options = {"models": ["plain", "se"], "seeds": 1, "threads": 1, "device": "cpu"}
    alone, beside = quick(None, **options), quick(tmp_path / "t.csv", jobs=2, **options)
    pd.testing.assert_series_equal(alone.accuracy, beside.accuracy, rtol=1e-5)


def test_the_command_line_writes_the_table_and_records_itself(tmp_path, performed, capsys):
    out = tmp_path / "t.csv"
    words = [
        "--data",
        "scenes-what",
        "--models",
        "plain,se",
        "--seeds",
        "2",
        "--epochs",
        "3",
        "--images",
        "50",
    ]
    assert (
        main(["sweep", *words, "--learning-rate", "0.01", "--threads", "2", "--jobs", "1", "--out", str(out)])
        == 0
    )
    table = pd.read_csv(out)
    assert (table.data.unique().tolist(), table.epochs.unique().tolist()) == (["scenes-what"], [3])
    assert (table.images.unique().tolist(), table.learning_rate.unique().tolist()) == ([50], [0.01])
    assert table.threads.unique().tolist() == [2]
    assert table.command[0].startswith("python -m cbam_course sweep --data scenes-what --models plain,se")
    assert "0.5" in capsys.readouterr().out


def test_the_command_line_names_failed_runs_and_bad_arguments(tmp_path, monkeypatch, capsys):
    failed = lambda wanted, record, threads, device: {**vars(wanted), **record, "error": "ValueError: why"}  # noqa: E731
    monkeypatch.setattr(sweep, "perform", failed)
    words = [
        "sweep",
        "--data",
        "scenes-where",
        "--seeds",
        "1",
        "--jobs",
        "1",
        "--out",
        str(tmp_path / "t.csv"),
    ]
    assert main([*words, "--models", "plain"]) == 1
    assert "plain, seed 0, failed: ValueError: why" in capsys.readouterr().err
    assert main([*words, "--models", "plain,lenet"]) == 2
    assert capsys.readouterr().err.startswith("models has 'lenet'; choose from plain, plain-wide")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"seeds": 0}, "seeds is 0"), ({"epochs": -1}, "epochs is -1"), ({"images": 1.5}, "images is 1.5"),
     ({"threads": 0}, "threads is 0"), ({"learning_rate": 0.0}, "learning_rate is 0.0; give a number above 0")],
)  # fmt: skip
def test_a_bad_argument_gets_one_sentence(options, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        quick(None, **options)


def test_unknown_data_get_the_names_that_there_are():
    with pytest.raises(ValueError, match="data is 'imagenet'; choose one of scenes-where, scenes-what"):
        run_sweep("imagenet", ["plain"])
