"""Tune, run and rerun a registered experiment; killed and started again it goes on where it was.

Runs are computed in processes on this computer, or on a Dask cluster. A cluster is started with Dask's own commands,
one on the computer that hands out the runs and one on each that computes them (all with this course and the same
versions installed)::

    dask scheduler
    dask worker tcp://10.0.0.5:8786 --nworkers 4 --nthreads 1

The rows are written by the process that called, so it can be stopped and started again as usual. A rerun trains one
row again and compares: an honest table can be told from an edited one.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import joblib
import pandas as pd
import psutil
import torch
from tqdm.auto import tqdm

from .registration import Ledger, NotRegistered, Registration
from .run import Run, perform, processor, provenance, versions
from .tables import SCORES, Table, locked, missing_runs, run_of

# How far one run may lie from its row on another processor or with another version of torch. Rounding differs
# there in the last digit, and training makes more of it: two such runs are as far apart as two neighbouring seeds.
TOLERANCE = 0.05
_SECONDS = 10  # how long to look for the scheduler
_SECONDS_BETWEEN_LOOKS = 1
_WATCH = "watch the parent"


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
    """Make the missing evaluation runs with the rates that tuning chose; otherwise as :func:`tune`.

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
        columns: what made the rows, see :func:`cbam_course.experiments.run.provenance`.
        add: takes a row.
        jobs: runs at the same time; when left out, as many as there are CPU cores, or 1 on a GPU; with a
            ``scheduler`` as many as the cluster has workers.
        threads: CPU threads of each run.
        device: as in :func:`cbam_course.training.fit.fit`.
        scheduler: address of a Dask cluster to compute on, such as ``"tcp://10.0.0.5:8786"``; ``None`` computes
            here.
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


@dataclass(frozen=True)
class Rerun:
    """A row beside the same run made again.

    Args:
        row: its number in the table, counted from 1.
        run: what was computed.
        before, now: the scores by column, in the table and of the new run.
        exact: whether all of them have to be equal digit by digit: same versions, same processor. Else it is the
            accuracy that has to be within ``TOLERANCE``.
    """

    row: int
    run: Run
    before: dict[str, float]
    now: dict[str, float]
    exact: bool

    @property
    def agrees(self) -> bool:
        """Whether the new scores are close enough to the old ones."""
        if self.exact:
            return not self._others
        return abs(self.before["accuracy"] - self.now["accuracy"]) <= TOLERANCE

    @property
    def _others(self) -> list[str]:
        return [name for name, now in self.now.items() if self.before[name] != now]

    def __str__(self) -> str:
        names = (self._others if self.exact else []) or ["accuracy"]
        said = ", ".join(
            f"{name} {self.before[name]:.5f} in the table, {self.now[name]:.5f} now" for name in names
        )
        how = "equal digits" if self.exact else f"within {TOLERANCE}, because versions or processor differ"
        what = f"row {self.row}, {self.run.model}, seed {self.run.seed}: {said}"
        return f"{what}; {'agrees' if self.agrees else 'DOES NOT AGREE'} ({how})"


def rerun(ledger: Ledger, registration: Registration, row: int | str = "random") -> Rerun:
    """Train one evaluation row again, on the CPU with as many threads as it had.

    Args:
        ledger: where the table lies.
        registration: of which experiment.
        row: the number of a row of its table, counted from 1, or ``"random"``.

    Raises:
        NotRegistered: the table has no such row, or the run fails; the message says which.
    """
    table = ledger.evaluation(registration)
    number = _number(registration, row, table)
    old = table.iloc[number - 1].to_dict()
    new = perform(run_of(old), {}, threads=int(old["threads"]), device="cpu")
    if new["error"]:
        raise NotRegistered(f"{registration.name}, row {number}, failed now: {new['error']}")
    now = {name: round(new[name], 5) for name in SCORES if name in new}
    exact = (old["versions"], old["processor"], old["device"]) == (versions(), processor(), "cpu")
    return Rerun(number, run_of(old), {name: float(old[name]) for name in now}, now, exact)


def _number(registration: Registration, row: int | str, table: pd.DataFrame) -> int:
    finished = [number for number, error in enumerate(table["error"], start=1) if not error]
    if not finished:
        raise NotRegistered(f"{registration.name} has no finished rows yet.")
    if row == "random":
        return random.choice(finished)
    if not str(row).isdigit() or int(row) not in finished:
        raise NotRegistered(
            f"row is {row}; give the number of a finished row, from 1 to {finished[-1]}, or random."
        )
    return int(row)


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


def perform_and_watch(parent: int, run: Run, made_by: dict, threads: int, device: str | None) -> dict:
    """Compute a run in a process that ends when the one that started it is gone, however that was killed.

    Args:
        parent: number of the process that called the sweep.
        run, made_by, threads, device: see :func:`cbam_course.experiments.run.perform`.
    """
    watch(parent)
    return perform(run, made_by, threads, device)


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
