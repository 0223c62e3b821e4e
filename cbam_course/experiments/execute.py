"""Tune and run a registered experiment; killed and started again it goes on where it was."""

import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import joblib
import torch
from tqdm.auto import tqdm

from .ledger import Ledger
from .provenance import provenance
from .registration import NotRegistered, Registration
from .run import Run, perform
from .tables import Table, locked, missing_runs
from .workers import perform_and_watch, workers


def tune(ledger: Ledger, registration: Registration, **options) -> int:
    """Make the missing tuning runs; the test set stays closed.

    Args:
        ledger: where it stands, and where the rows go.
        registration: what to tune.
        options: see :func:`compute`.

    Returns:
        The number of runs that failed.

    Raises:
        NotRegistered: the registration is not committed as it is, or looks at every rate.
    """
    ledger.require_committed(registration)
    if registration.every_rate:
        raise NotRegistered(f"{registration.name} looks at every rate, so there is nothing to tune.")
    return _fill(registration, ledger.tuning_path(registration), registration.tuning_runs(), "tune", options)


def run(ledger: Ledger, registration: Registration, **options) -> int:
    """Make the missing evaluation runs with the rates that tuning chose.

    Args:
        ledger: where it stands, and where the rows go.
        registration: what to run.
        options: see :func:`compute`.

    Returns:
        The number of runs that failed.

    Raises:
        NotRegistered: the registration is not committed as it is, or its tuning is not complete.
    """
    ledger.require_committed(registration)
    rates = registration.chosen_rates(ledger.tuning(registration))
    wanted = registration.evaluation_runs(rates)
    return _fill(registration, ledger.evaluation_path(registration), wanted, "run", options)


def compute(
    runs: list[Run],
    columns: dict[str, str],
    add: Callable[[dict], None],
    *,
    jobs: int | None = None,
    threads: int = 1,
    device: str | None = None,
    scheduler: str | None = None,
    progress: bool = True,
) -> list[dict]:
    """Compute runs and hand each row on as it ends.

    Args:
        runs: what to compute.
        columns: what made the rows, see :func:`cbam_course.experiments.provenance.provenance`.
        add: takes a row.
        jobs: runs at the same time; when left out, as many as there are CPU cores, or 1 on a GPU; with a
            ``scheduler`` as many as the cluster has workers.
        threads: CPU threads of each run.
        device: as in :func:`cbam_course.training.fit.fit`.
        scheduler: address of a Dask cluster to compute on, such as ``"tcp://10.0.0.5:8786"``; ``None`` computes
            here. See :mod:`cbam_course.experiments.workers`.
        progress: show a bar.

    Returns:
        The rows, in the order in which they ended.
    """
    if not runs:
        return []
    rows = []
    for row in tqdm(
        _results(runs, columns, jobs, threads, device, scheduler),
        total=len(runs), disable=not progress, unit="run",
    ):  # fmt: skip
        rows.append(row)
        add(row)
    return rows


def _results(runs, columns, jobs, threads, device, scheduler) -> Iterable[dict]:
    jobs = jobs or _jobs(device, scheduler)
    if jobs == 1:
        # In this very process: nothing is left behind when it is killed.
        yield from (perform(run, columns, threads, device) for run in runs)
        return
    # A process of this computer ends with this one; a cluster has a life of its own.
    work = perform if scheduler is not None else partial(perform_and_watch, os.getpid())
    calls = (joblib.delayed(work)(run, columns, threads, device) for run in runs)
    with workers(scheduler, threads):
        yield from joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(calls)


def _jobs(device: str | None, scheduler: str | None) -> int:
    if scheduler is not None:
        return -1
    on_gpu = device != "cpu" and torch.cuda.is_available()
    return 1 if on_gpu else joblib.cpu_count()


def _fill(registration: Registration, path: Path, wanted: list[Run], word: str, options: dict) -> int:
    command = f"python -m cbam_course experiment {word} {registration.name}"
    columns = {**provenance(command), "registration": registration.hash}
    with locked(path):
        table = Table(path)
        table.drop_failed()
        missing = missing_runs(wanted, table.rows)
        print(f"{path.name}: {len(wanted) - len(missing)} of {len(wanted)} runs are there", file=sys.stderr)
        rows = compute(missing, columns, table.add, **options)
    failed = [row for row in rows if row["error"]]
    for row in failed:
        print(f"{row['model']}, seed {row['seed']}, failed: {row['error']}", file=sys.stderr)
    return len(failed)
