"""The tables of runs, and what a handful of runs can show: means, intervals, paired differences, in words too."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

ENOUGH = 5  # fewer seeds than this are called too few for a claim
# A hash may look like a number: 377304447631, or 12e34567.
TEXT = {"code": str, "commit": str, "registration": str}
_PACKAGE = Path(__file__).resolve().parent


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


def load_benchmark(name: str) -> pd.DataFrame:
    """Return a table of ``benchmarks``, one row per thing that was timed, with the machine that it was timed on.

    Args:
        name: the table's name, such as ``"attention"``.

    Raises:
        FileNotFoundError: there is no such table.
    """
    inside = _PACKAGE / "benchmarks"
    folder = inside if inside.is_dir() else _PACKAGE.parent / "benchmarks"
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise FileNotFoundError(f"There is no benchmark {name!r} in {folder}.")
    return pd.read_csv(path)


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


class Interval(NamedTuple):
    """A mean and its 95 % t interval; the bounds are NaN for a single value."""

    mean: float
    low: float
    high: float


def mean_interval(values) -> Interval:
    """Return the mean of independent numbers with its 95 % t interval.

    Args:
        values: at least one number.

    Raises:
        ValueError: there is none.
    """
    from scipy import stats

    numbers = np.asarray(values, dtype=np.float64).ravel()
    if not len(numbers):
        raise ValueError("values is empty; give at least one number.")
    if len(numbers) == 1:
        return Interval(float(numbers[0]), np.nan, np.nan)
    with warnings.catch_warnings():
        # Equal values make the interval a point; scipy warns about the lost precision.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = stats.ttest_1samp(numbers, 0.0).confidence_interval(0.95)
    return Interval(float(numbers.mean()), float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation (n - 1) and the 95 % t interval of the mean; the last three are NaN for one run."""

    n: int
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The mean difference of paired runs, its 95 % t interval, and its size in standard deviations.

    Args:
        first, second: names of what is compared; the difference is first minus second.
        n: number of pairs.
        mean, low, high: the mean difference and its interval.
        effect_size: mean difference / standard deviation of the differences (Cohen's d for pairs).
        p_value: of the paired t test.
    """

    first: str
    second: str
    n: int
    mean: float
    low: float
    high: float
    effect_size: float
    p_value: float

    def __str__(self) -> str:
        interval = f"95 % interval {self.low:+.3f} to {self.high:+.3f}"
        numbers = f"{self.first} minus {self.second}: {self.mean:+.3f}, {interval}"
        if self.n < ENOUGH:
            return f"{numbers}; {self.n} seeds are too few for a claim."
        if self.low <= 0 <= self.high:
            return (
                f"{numbers}; the interval of the difference includes 0: these {self.n} seeds do not show that "
                f"{self.first} differs from {self.second}."
            )
        better, worse = (self.first, self.second) if self.mean > 0 else (self.second, self.first)
        return (
            f"{numbers}; the interval of the difference excludes 0: with these {self.n} seeds {better} scores "
            f"higher than {worse}."
        )


def summary(values) -> Summary:
    """Summarise the scores of runs that differ in their seed.

    Args:
        values: one score per run, at least one, none missing.

    Raises:
        ValueError: there is no run, or a score is missing.
    """
    scores = _scores("values", values)
    if len(scores) == 1:
        return Summary(1, float(scores[0]), np.nan, np.nan, np.nan)
    _, low, high = mean_interval(scores)
    return Summary(len(scores), float(scores.mean()), float(scores.std(ddof=1)), low, high)


def paired_difference(first, second, names: tuple[str, str] = ("the first", "the second")) -> Difference:
    """Compare two models run by run; entry i of both must come from the same seed.

    Args:
        first, second: one score per seed, equally many, at least two.
        names: what to call the two in the statement, ``str(difference)``.

    Raises:
        ValueError: there are fewer than two pairs, or the numbers of runs differ.

    Example:
        >>> from cbam_course.statistics import paired_difference
        >>> print(paired_difference([0.80, 0.82, 0.81], [0.78, 0.79, 0.80], ("CBAM", "plain")))
        CBAM minus plain: +0.020, 95 % interval -0.005 to +0.045; 3 seeds are too few for a claim.
    """
    a, b = _scores("first", first), _scores("second", second)
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(
            f"first has {len(a)} scores and second {len(b)}; give at least two of each, paired by seed."
        )
    from scipy import stats

    differences = a - b
    _, low, high = mean_interval(differences)
    spread = differences.std(ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = float(np.divide(differences.mean(), spread))
    p_value = float(stats.ttest_rel(a, b).pvalue) if spread > 0 else float(differences.mean() == 0)
    return Difference(*names, len(a), float(differences.mean()), low, high, effect, p_value)


def compare(table: pd.DataFrame, first: str, second: str, *, column: str = "accuracy") -> Difference:
    """Compare two models of a table of results, paired by seed; seeds that only one of them has are left out.

    Args:
        table: rows with the columns ``model``, ``seed`` and ``column``, of one kind of data.
        first, second: names of models.
        column: the score to compare.

    Raises:
        ValueError: a model is not in the table, or one has two runs with the same seed.
    """
    if table.duplicated(["model", "seed"]).any():
        raise ValueError(
            "the table has two runs of one model with one seed; keep one kind of data and of settings."
        )
    wide = table.dropna(subset=[column]).pivot(index="seed", columns="model", values=column)
    for name in (first, second):
        if name not in wide:
            raise ValueError(
                f"the table has no runs of {name!r}; it has {', '.join(map(str, wide.columns))}."
            )
    pairs = wide.dropna(subset=[first, second])
    return paired_difference(pairs[first], pairs[second], (first, second))


def summarise(table: pd.DataFrame, *, baseline: str | None = None, column: str = "accuracy") -> pd.DataFrame:
    """Return one row per model: n, mean, sd, interval, and its difference from a baseline with interval.

    Args:
        table, column: as in :func:`compare`.
        baseline: the model to compare with; ``None`` leaves the differences out.
    """
    rows = []
    for model, runs in table.dropna(subset=[column]).groupby("model", sort=False):
        row = {"model": model, **vars(summary(runs[column]))}
        if baseline is not None:
            d = compare(table, model, baseline, column=column)
            row |= {"difference": d.mean, "difference_low": d.low, "difference_high": d.high}
        rows.append(row)
    return pd.DataFrame(rows).set_index("model")


def _scores(name: str, values) -> np.ndarray:
    scores = np.asarray(values, dtype=np.float64).ravel()
    if not len(scores) or np.isnan(scores).any():
        raise ValueError(f"{name} is {scores.tolist()}; give at least one score, none of them missing.")
    return scores
