"""Many runs, paired by seed, one row each: ``python -m cbam_course sweep``."""

import argparse
import os
import sys
from dataclasses import astuple, fields
from pathlib import Path

import joblib
import pandas as pd
import torch
from tqdm.auto import tqdm

from ..attention.arguments import require_positive_integer
from . import provenance
from .results import TEXT
from .run import Run, perform
from .tasks import TASKS, Task
from .variants import Variant
from .workers import workers

COLUMNS = (
    "data", "model", "seed", "accuracy", "metric", "accuracy_small", "accuracy_large", "validation", "seconds",
    "parameters", "epochs", "images", "learning_rate", "device", "precision", "threads", "peak_memory_mib",
    "error", "code", "commit", "versions", "command",
)  # fmt: skip
_ROUNDED = ("accuracy", "accuracy_small", "accuracy_large", "validation")
_KEY = [field.name for field in fields(Run)]


def run_sweep(
    data: str,
    models: list[str],
    *,
    seeds: int = 5,
    epochs: int = 8,
    images: int = 3000,
    learning_rate: float = 0.003,
    out: str | Path | None = None,
    jobs: int | None = None,
    threads: int = 1,
    device: str | None = None,
    scheduler: str | None = None,
    progress: bool = True,
    command: str = "run_sweep",
) -> pd.DataFrame:
    """Train every model with every seed and return one row per run.

    A row is added to the file ``out`` as soon as its run ends. Started again with the same file, the sweep
    computes only what is missing. A run that fails is recorded with its reason and is not tried again; delete
    its row to try it again.

    Args:
        data: a name as in :class:`cbam_course.training.tasks.Task`, such as ``"scenes-where"``.
        models: names as in :class:`cbam_course.training.variants.Variant`.
        seeds: number of seeds, counted from 0; images, first weights and their order depend on the seed alone.
        epochs: passes over the training set (``plain-long`` takes three times as many).
        images: number of training images.
        learning_rate: largest learning rate of the cycle, above 0; the same for all models.
        out: CSV file to add to; ``None`` keeps the rows in memory only.
        jobs: runs at the same time; when left out, as many as there are CPU cores, or 1 on a GPU; with a
            ``scheduler`` as many as the cluster has workers.
        threads: CPU threads of each run.
        device: as in :func:`cbam_course.training.fit.fit`.
        scheduler: address of a Dask cluster to compute on, such as ``"tcp://10.0.0.5:8786"``; ``None`` computes
            here. See :mod:`cbam_course.training.workers`.
        progress: show a bar.
        command: what to record as the command.

    Raises:
        TypeError, ValueError: an argument is impossible; the message says what to do.
    """
    for name, value in (("seeds", seeds), ("epochs", epochs), ("images", images), ("threads", threads)):
        require_positive_integer(name, value)
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; give a number above 0, such as 0.003.")
    wanted = _runs(data, models, seeds, epochs, images, learning_rate)
    table = _read(out)
    done = set(table[_KEY].itertuples(index=False, name=None))
    missing = [run for run in wanted if astuple(run) not in done]
    record = provenance.record(command)
    calls = (joblib.delayed(perform)(run, record, threads, device) for run in missing)
    rows = []
    with workers(scheduler, threads):
        parallel = joblib.Parallel(n_jobs=jobs or _jobs(device, scheduler), return_as="generator_unordered")
        results = parallel(calls)
        for result in tqdm(results, total=len(missing), disable=not progress, unit="run"):
            row = {name: round(v, 5) if name in _ROUNDED else v for name, v in result.items()}
            rows.append(row)
            _append(out, row)
    parts = [part for part in (table, _frame(rows)) if len(part)]
    return _tidy(pd.concat(parts), wanted)


def _runs(data: str, models: list[str], seeds: int, epochs: int, images: int, rate: float) -> list[Run]:
    """All runs, seed by seed, so that an early stop leaves whole pairs."""
    Task(data)  # says what is wrong with the name before anything runs
    variants = [Variant(name) for name in models]
    return [
        Run(data, v.name, seed, v.epochs(epochs), images, rate) for seed in range(seeds) for v in variants
    ]


def _jobs(device: str | None, scheduler: str | None) -> int:
    if scheduler is not None:
        return -1
    on_gpu = device != "cpu" and torch.cuda.is_available()
    return 1 if on_gpu else joblib.cpu_count()


def _frame(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _tidy(table: pd.DataFrame, wanted: list[Run]) -> pd.DataFrame:
    """The rows that were asked for, in the order of models, then seeds."""
    models = list(dict.fromkeys(run.model for run in wanted))
    keys = pd.DataFrame([vars(run) for run in wanted])[_KEY]
    rows = keys.merge(table, on=_KEY, how="inner")[list(COLUMNS)]
    return rows.sort_values(["model", "seed"], key=lambda c: c.map(models.index) if c.name == "model" else c,
                            ignore_index=True)  # fmt: skip


def _read(out: str | Path | None) -> pd.DataFrame:
    if out is None or not Path(out).exists():
        return _frame([])
    text = Path(out).read_bytes()
    # A sweep that was killed while it wrote leaves half a line: cut it off, its run is computed again.
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        Path(out).write_bytes(whole)
    if not whole:
        return _frame([])
    return pd.read_csv(out, keep_default_na=False, na_values={"accuracy": [""]}, dtype=TEXT)


def _append(out: str | Path | None, row: dict) -> None:
    """Add one line and have it written to the disk before the next run begins."""
    if out is None:
        return
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists() or not path.stat().st_size
    with path.open("a", newline="", encoding="utf-8") as file:
        file.write(_frame([row]).to_csv(index=False, header=fresh, lineterminator="\n"))
        file.flush()
        os.fsync(file.fileno())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m cbam_course sweep`` to a parser."""
    parser.add_argument("--data", required=True, help=f"what to learn: {', '.join(TASKS)}")
    parser.add_argument("--models", required=True, help="names with commas between, such as plain,se,cbam")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (5)")
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training set (8)")
    parser.add_argument("--images", type=int, default=3000, help="training images (3000)")
    parser.add_argument("--learning-rate", type=float, default=0.003, help="largest learning rate (0.003)")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to add one row per run to")
    parser.add_argument("--jobs", type=int, help="runs at the same time (CPU cores)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each run (1)")
    parser.add_argument("--device", help="cpu or cuda (a GPU if there is one)")
    parser.add_argument("--scheduler", help="address of a Dask cluster, such as tcp://10.0.0.5:8786")


def run(options: argparse.Namespace) -> int:
    """Run the command line and return its exit status: 0, 1 if a run failed, 2 if it was asked for wrongly.

    Args:
        options: those of :func:`add_arguments`, and ``words``: all that was typed, which every row records.
    """
    named = (
        "data",
        "seeds",
        "epochs",
        "images",
        "learning_rate",
        "out",
        "jobs",
        "threads",
        "device",
        "scheduler",
    )
    chosen = {name: getattr(options, name) for name in named}
    command = " ".join(["python -m cbam_course", *options.words])
    try:
        table = run_sweep(models=options.models.split(","), **chosen, command=command)
    except (TypeError, ValueError, ModuleNotFoundError, ConnectionError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table.groupby("model", sort=False)["accuracy"].agg(["mean", "std", "count"]).round(4))
    failed = table[table.error != ""]
    for row in failed.itertuples():
        print(f"{row.model}, seed {row.seed}, failed: {row.error}", file=sys.stderr)
    return 1 if len(failed) else 0
