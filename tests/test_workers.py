"""A sweep on a Dask cluster: a real one, of one process on this computer."""

import builtins
import sys

import pytest

from cbam_course.experiments.execute import compute, workers
from cbam_course.experiments.run import Run, perform

distributed = pytest.importorskip("distributed", reason="distributed is not installed")
# Its own code is not ours to keep free of warnings.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def main_module(monkeypatch):
    """A new process asks the main module where it came from; IPython's stand-in, of another test, cannot say."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)


def cluster(number, **options):
    return distributed.LocalCluster(
        n_workers=number, dashboard_address=None, **{"threads_per_worker": 1, "processes": False, **options}
    )


def test_a_cluster_gives_the_scores_of_this_process():
    run, rows = Run("scenes-where", "plain", 0, 1, 8, validation=4, test=6), []
    with cluster(1, processes=True) as one:
        compute([run], {}, rows.append, device="cpu", progress=False, scheduler=one.scheduler_address)
    assert rows[0]["error"] == ""
    assert rows[0]["accuracy"] == pytest.approx(perform(run, {}, 1, "cpu")["accuracy"], abs=1e-5)


def test_workers_that_would_share_their_random_numbers_are_refused():
    with (
        cluster(1, threads_per_worker=2) as shared,
        pytest.raises(ValueError, match="start the workers with --nthreads 1"),
        workers(shared.scheduler_address, 1),
    ):
        pass


def test_a_cluster_without_workers_is_refused():
    with (
        cluster(0) as empty,
        pytest.raises(ValueError, match="the cluster has no workers"),
        workers(empty.scheduler_address, 1),
    ):
        pass


def test_an_address_where_nobody_answers_gets_one_sentence(monkeypatch):
    monkeypatch.setattr("cbam_course.experiments.execute._SECONDS", 1)
    with (
        pytest.raises(ConnectionError, match="no Dask scheduler answers there"),
        workers("tcp://127.0.0.1:9", 1),
    ):
        pass


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without(name, *rest):
        if name == "distributed":
            raise ModuleNotFoundError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match="pip install distributed"), workers("tcp://127.0.0.1:9", 1):
        pass
