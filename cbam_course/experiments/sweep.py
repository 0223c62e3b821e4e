"""The learner's quick tool: many runs, paired by seed, one row each: ``python -m cbam_course sweep``."""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from ..arguments import require_whole
from .data import DATA, data_named
from .execute import compute
from .models import model_named
from .run import Run, provenance
from .tables import COLUMNS, Table, locked, missing_runs

COMPUTE = ("jobs", "threads", "device", "scheduler")  # options that say where runs are computed


def run_sweep(
    data: str,
    models: list[str],
    *,
    seeds: int = 5,
    epochs: int = 8,
    images: int = 3000,
    learning_rate: float = 0.003,
    batch_size: int = 64,
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
    computes only what is missing; a run that failed is tried again.

    Args:
        data: a name as in :func:`cbam_course.experiments.data.data_named`, such as ``"scenes-where"``.
        models: names as in :func:`cbam_course.experiments.models.model_named`.
        seeds: number of seeds, counted from 0; images, first weights and their order depend on the seed alone.
        epochs: passes over the training set (``plain-long`` takes three times as many).
        images: number of training images.
        learning_rate: largest learning rate of the cycle, above 0; the same for all models.
        batch_size: images per step.
        out: CSV file to add to; ``None`` keeps the rows in memory only.
        jobs, threads, device, scheduler, progress: as in :func:`cbam_course.experiments.execute.compute`.
        command: what to write into the rows as the command.

    Raises:
        TypeError, ValueError: an argument is impossible, or ``out`` is no table of runs; the message says what
            to do.
        OSError: ``out`` cannot be written; nothing was computed.
    """
    numbers = {
        "seeds": seeds,
        "epochs": epochs,
        "images": images,
        "threads": threads,
        "batch_size": batch_size,
    }
    for name, value in numbers.items():
        require_whole(name, value)
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; give a number above 0, such as 0.003.")
    path = Path(out) if out is not None else None
    data_named(data)  # says what is wrong with the name before anything runs
    # Seed by seed, so that an early stop leaves whole pairs.
    wanted = [
        Run(data, model, seed, epochs * model_named(model).longer, images, learning_rate, batch_size)
        for seed in range(seeds)
        for model in dict.fromkeys(models)
    ]
    with locked(path) if path else nullcontext():
        table = Table(path)
        table.drop_failed()
        missing = missing_runs(wanted, table.rows)
        options = {"jobs": jobs, "threads": threads, "device": device, "scheduler": scheduler}
        compute(missing, provenance(command), table.add, progress=progress, **options)
    return _asked_for(table.rows, wanted)


def _asked_for(table: pd.DataFrame, wanted: list[Run]) -> pd.DataFrame:
    """The rows of these runs, in the order of models, then seeds."""
    models = list(dict.fromkeys(run.model for run in wanted))
    keys = pd.DataFrame([vars(run) for run in wanted])
    rows = keys.merge(table, on=list(keys.columns), how="inner")[list(COLUMNS)]
    return rows.sort_values(["model", "seed"], key=lambda c: c.map(models.index) if c.name == "model" else c,
                            ignore_index=True)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m cbam_course sweep`` to a parser."""
    parser.add_argument("--data", required=True, help=f"what to learn: {', '.join(DATA)}")
    parser.add_argument("--models", required=True, help="names with commas between, such as plain,se,cbam")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (5)")
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training set (8)")
    parser.add_argument("--images", type=int, default=3000, help="training images (3000)")
    parser.add_argument("--learning-rate", type=float, default=0.003, help="largest learning rate (0.003)")
    parser.add_argument("--batch-size", type=int, default=64, help="images per step (64)")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to add one row per run to")
    add_compute_arguments(parser)


def add_compute_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where runs are computed."""
    parser.add_argument("--jobs", type=int, help="runs at the same time (CPU cores)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each run (1)")
    parser.add_argument("--device", help="cpu or cuda (a GPU if there is one)")
    parser.add_argument("--scheduler", help="address of a Dask cluster, such as tcp://10.0.0.5:8786")


def run(options: argparse.Namespace) -> int:
    """Run the command line and return its exit status: 0, 1 if a run failed, 2 if nothing was computed."""
    names = ("data", "seeds", "epochs", "images", "learning_rate", "batch_size", "out", *COMPUTE)
    chosen = {name: getattr(options, name) for name in names}
    command = " ".join(["python -m cbam_course", *sys.argv[1:]])
    try:
        table = run_sweep(models=options.models.split(","), command=command, **chosen)
    except (TypeError, ValueError, ModuleNotFoundError, ConnectionError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"{options.out} cannot be written ({error.strerror}); the runs made so far are kept.",
            file=sys.stderr,
        )
        return 2
    print(table.groupby("model", sort=False)["accuracy"].agg(["mean", "std", "count"]).round(4))
    failed = table[table.error != ""]
    for row in failed.itertuples():
        print(f"{row.model}, seed {row.seed}, failed: {row.error}", file=sys.stderr)
    return 1 if len(failed) else 0
