"""A sweep on a Dask cluster: a real one, of two processes on this computer."""

import builtins
import sys

import pandas as pd
import pytest

from cbam_course.__main__ import main
from cbam_course.training.sweep import run_sweep

distributed = pytest.importorskip("distributed", reason="distributed is not installed")
# Its own code is not ours to keep free of warnings.
pytestmark = pytest.mark.filterwarnings("default")
WORDS = ["sweep", "--data", "scenes-where", "--models", "plain,se", "--seeds", "1",
         "--epochs", "1", "--images", "8", "--device", "cpu"]  # fmt: skip


@pytest.fixture(autouse=True)
def main_module(monkeypatch):
    """A new process asks the main module where it came from; IPython's stand-in, of another test, cannot say."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)


def cluster(workers, threads=1):
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=threads, processes=threads == 1, dashboard_address=None
    )


def test_a_cluster_of_two_processes_gives_the_scores_of_this_one(tmp_path):
    out = tmp_path / "t.csv"
    with cluster(2) as two:
        assert main([*WORDS, "--out", str(out), "--scheduler", two.scheduler_address]) == 0
    table = pd.read_csv(out)
    here = run_sweep(
        "scenes-where", ["plain", "se"], seeds=1, epochs=1, images=8, jobs=1, device="cpu", progress=False
    )
    assert table.error.isna().all()
    by_model = table.set_index("model").accuracy
    assert by_model[here.model].tolist() == pytest.approx(here.accuracy.tolist(), abs=1e-5)


def test_workers_that_would_share_their_random_numbers_are_refused(tmp_path, capsys):
    with cluster(1, threads=2) as shared:
        assert main([*WORDS, "--out", str(tmp_path / "t.csv"), "--scheduler", shared.scheduler_address]) == 2
    assert "start the workers with --nthreads 1" in capsys.readouterr().err


def test_a_cluster_without_workers_is_refused(tmp_path, capsys):
    with cluster(0) as empty:
        assert main([*WORDS, "--out", str(tmp_path / "t.csv"), "--scheduler", empty.scheduler_address]) == 2
    assert "the cluster has no workers" in capsys.readouterr().err


def test_an_address_where_nobody_answers_gets_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cbam_course.training.workers._SECONDS", 1)
    assert main([*WORDS, "--out", str(tmp_path / "t.csv"), "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "no Dask scheduler answers there" in capsys.readouterr().err


def test_without_the_package_a_sentence_says_what_to_install(tmp_path, capsys, monkeypatch):
    original = builtins.__import__

    def without(name, *rest):
        if name == "distributed":
            raise ModuleNotFoundError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main([*WORDS, "--out", str(tmp_path / "t.csv"), "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "pip install distributed" in capsys.readouterr().err
