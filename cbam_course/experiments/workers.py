"""Where the runs of a sweep are computed: in processes on this computer, or on a Dask cluster.

A cluster is started with Dask's own commands, one on the computer that hands out the runs and one on each that
computes them (all with this course and the same versions installed)::

    dask scheduler
    dask worker tcp://10.0.0.5:8786 --nworkers 4 --nthreads 1

The rows are written by the process that called the sweep, so it can be stopped and started again as usual.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import psutil

from .run import Run, perform

_SECONDS = 10  # how long to look for the scheduler
_SECONDS_BETWEEN_LOOKS = 1
_WATCH = "watch the parent"


@contextmanager
def workers(scheduler: str | None, threads: int) -> Iterator[None]:
    """Make ``joblib.Parallel`` compute in the right place.

    Args:
        scheduler: address of a Dask scheduler; ``None`` for this computer.
        threads: CPU threads that the libraries inside a process of this computer may use.

    Raises:
        ModuleNotFoundError: the package ``distributed`` is missing.
        ConnectionError: no scheduler answers at the address.
        ValueError: the cluster has no workers, or some compute several runs at a time in one process.
    """
    if scheduler is None:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=threads):
            yield
        return
    with _client(scheduler) as client:
        _require_one_run_at_a_time(client)
        with joblib.parallel_config(backend="dask"):
            yield


def perform_and_watch(parent: int, run: Run, provenance: dict, threads: int, device: str | None) -> dict:
    """Compute a run in a process that ends when the one that started it is gone, however that was killed.

    Args:
        parent: number of the process that called the sweep.
        run, provenance, threads, device: see :func:`cbam_course.experiments.run.perform`.
    """
    watch(parent)
    return perform(run, provenance, threads, device)


def watch(parent: int) -> None:
    """Make this process end when another one, given by its number, is gone."""
    if all(thread.name != _WATCH for thread in threading.enumerate()):
        threading.Thread(target=_end_with, args=(parent,), name=_WATCH, daemon=True).start()


def _end_with(parent: int) -> None:
    # On Windows a process keeps the number of a parent that is gone; elsewhere it gets another parent at once.
    while os.getppid() == parent and psutil.pid_exists(parent):
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _client(scheduler: str):
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "scheduler needs the package distributed: pip install distributed", name="distributed"
        ) from None
    try:
        return Client(scheduler, timeout=_SECONDS)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"scheduler is {scheduler!r}, and no Dask scheduler answers there ({type(error).__name__}); start one "
            "with: dask scheduler"
        ) from None


def _require_one_run_at_a_time(client) -> None:
    """Runs in two threads of one process would draw from the same random numbers."""
    found = client.scheduler_info(n_workers=-1)["workers"].values()
    if not found:
        raise ValueError("the cluster has no workers; start some with: dask worker ADDRESS --nthreads 1")
    if any(worker["nthreads"] != 1 for worker in found):
        raise ValueError(
            "a worker of the cluster computes several runs at a time, and they would share their random numbers; "
            "start the workers with --nthreads 1, and --nworkers for more of them."
        )
