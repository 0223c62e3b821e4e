"""The tables of experiments that lessons read."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

# A hash may look like a number: 377304447631, or 12e34567.
TEXT = {"code": str, "commit": str, "registration": str}
_PACKAGE = Path(__file__).resolve().parents[1]


def load_results(name: str, *, folder: str | Path | None = None) -> pd.DataFrame:
    """Return a table of runs, one row per run, without the runs that failed.

    Args:
        name: the table's name, such as ``"where"``, ``"what"`` or ``"what-dense"``.
        folder: where the tables lie; when left out, those that travel with the package.

    Raises:
        FileNotFoundError: there is no such table; the message names those that there are.
    """
    chosen = Path(folder) if folder is not None else results_folder()
    path = chosen / f"{name}.csv"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in chosen.glob("*.csv"))) or "none"
        raise FileNotFoundError(f"There is no table of results {name!r} in {chosen}; there are: {names}.")
    table = pd.read_csv(path, dtype=TEXT)
    return table[table.error.isna()].reset_index(drop=True) if "error" in table else table


def load_maps(name: str, *, folder: str | Path | None = None) -> dict[str, np.ndarray]:
    """Return the pictures that were kept beside a table, by name.

    Of ``"museum"``: two scenes under ``"what/images"`` and ``"what/masks"``, and for each exhibit
    ``"what/softmax/answer"`` (uint8, 255 is certain), ``"what/softmax/channels"`` (2, C) and
    ``"what/softmax/positions"`` (2, h, w), as :func:`cbam_course.inspection.capture.let_through` has them; the right
    module is the exhibit ``"right"``.

    Args:
        name: the table's name.
        folder: as in :func:`load_results`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    with np.load((Path(folder) if folder is not None else results_folder()) / f"{name}.npz") as kept:
        return dict(kept)


def runs_by_label(table: str | pd.DataFrame, labels: Mapping[str, str]) -> dict[str, pd.Series]:
    """Return the scores of all seeds for each label, as ``plots.plot_runs`` draws them.

    Args:
        table: a name as in :func:`load_results`, or such a table.
        labels: model -> what to call it; models without a run are left out.
    """
    chosen = load_results(table) if isinstance(table, str) else table
    runs = chosen.groupby("model")["accuracy"]
    return {label: runs.get_group(model) for model, label in labels.items() if model in runs.groups}


def results_folder() -> Path:
    """Return the folder of the tables: inside an installed package, or beside it in a checkout."""
    inside = _PACKAGE / "results"
    return inside if inside.is_dir() else _PACKAGE.parent / "results"
