"""What the tables say: what became of each registered comparison, and the few questions that a sentence needs.

``evidence("near").gain("spatial", "plain").low > 0``
"""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..statistics import ENOUGH, Difference, compare, load_benchmark, results_folder
from .registration import Comparison, Ledger, NotRegistered, Registration

LEVEL = 0.05  # of the family of all primary comparisons of one registration


@dataclass(frozen=True)
class Outcome:
    """One primary comparison with what the runs said.

    Args:
        comparison: as registered.
        difference: first minus second over the seeds; ``None`` while there are fewer than two pairs.
        first, second: the mean scores; NaN without runs.
        corrected: the p-value after Holm's correction over the primary comparisons; NaN until all have runs.
        verdict: what it comes to, in words.
    """

    comparison: Comparison
    difference: Difference | None
    first: float
    second: float
    corrected: float
    verdict: str

    @property
    def room(self) -> float:
        """What the baseline leaves to gain: 1 minus its score."""
        return 1 - self.second


def outcomes(registration: Registration, table: pd.DataFrame, withdrawn: dict[str, str]) -> list[Outcome]:
    """Return every primary comparison of a registration, in its order, whichever way it went.

    Args:
        registration: what was registered.
        table: the rows of its evaluation, as far as they are there.
        withdrawn: key of a comparison that was given up -> reason.
    """
    good = table[table.error == ""]
    found = [_difference(comparison, good) for comparison in registration.primary]
    complete = all(d is not None and d.n >= len(registration.seeds) for d in found)
    corrected = holm([d.p_value for d in found]) if complete else [float("nan")] * len(found)
    return [
        _outcome(registration, comparison, difference, good, p, withdrawn.get(comparison.key))
        for comparison, difference, p in zip(registration.primary, found, corrected, strict=True)
    ]


def rows_of(table: pd.DataFrame, data: str, model: str, rate: float | None = None) -> pd.DataFrame:
    """Return the rows of one model on one kind of data, at one learning rate or at whichever it has."""
    chosen = table[(table.data == data) & (table.model == model)]
    return chosen if rate is None else chosen[chosen.learning_rate == rate]


def holm(p_values: list[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): all below 5 % hold together at 5 %.

    Args:
        p_values: one for each comparison of the family.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


def _difference(comparison: Comparison, table: pd.DataFrame) -> Difference | None:
    c = comparison
    if table.empty:
        return None
    pair = pd.concat([rows_of(table, c.data, model, c.rate) for model in (c.first, c.second)])
    pairs = pair.groupby("seed")["model"].nunique()
    return compare(pair, c.first, c.second) if (pairs == 2).sum() >= 2 else None


def _outcome(registration, comparison, difference, table, corrected, reason) -> Outcome:
    first, second = (
        float(rows_of(table, comparison.data, model, comparison.rate)["accuracy"].mean())
        if len(table)
        else float("nan")
        for model in (comparison.first, comparison.second)
    )
    verdict = _verdict(registration, comparison, difference, table, corrected)
    if reason is not None:
        verdict = f"withdrawn: {reason}" + (f" (it came out as: {verdict})" if difference else "")
    return Outcome(comparison, difference, first, second, corrected, verdict)


def _verdict(registration, comparison, difference, table, corrected) -> str:
    if difference is None:
        return "not run"
    if difference.n < len(registration.seeds) or corrected != corrected:
        return f"in progress: {difference.n} of {len(registration.seeds)} seeds"
    if difference.n < ENOUGH:
        return "too few seeds for a claim"
    if _too_short(registration, comparison, table):
        return "too short to tell: plain is still at the floor"
    shown = corrected < LEVEL
    if comparison.expected == "none":
        if shown:
            return f"not as expected: {'higher' if difference.mean > 0 else 'lower'}"
        return "as expected: no difference shown, which does not prove that there is none"
    if not shown:
        return "not shown"
    as_expected = (difference.mean > 0) == (comparison.expected == "higher")
    return "as expected" if as_expected else "the other way round"


def _too_short(registration: Registration, comparison: Comparison, table: pd.DataFrame) -> bool:
    """Whether plain is at the floor, and longer training lifts it: then the table was made too early."""
    if not registration.floor:
        return False
    top = registration.floor["score"] + registration.floor["margin"]
    plain, longer = (
        rows_of(table, comparison.data, name, comparison.rate)["accuracy"] for name in ("plain", "plain-long")
    )
    return bool(len(plain) and plain.mean() < top and (longer.empty or longer.mean() >= top))


@dataclass(frozen=True, eq=False)
class Evidence:
    """One table, with its registration if it has one.

    Wherever a table has several kinds of data, or a model at several learning rates, name the one that is meant.

    Args:
        name: of the table.
        table: its rows, without those that failed.
        registration: what was registered; ``None`` for a table that is only told of.
        withdrawn: key of a comparison that was given up -> reason.
    """

    name: str
    table: pd.DataFrame
    registration: Registration | None = None
    withdrawn: dict[str, str] = field(default_factory=dict)

    def runs(self, model: str, *, data: str | None = None, rate: float | None = None) -> pd.DataFrame:
        """Return the rows of one model, one for each seed.

        Args:
            model: its name.
            data: the kind of data; may be left out where the table has one.
            rate: the learning rate; may be left out where the model has one.

        Raises:
            ValueError: there are no such rows, or they are of several kinds.
        """
        rows = rows_of(self.table, self._data(data), model, rate)
        if rows.empty:
            raise ValueError(f"{self.name} has no finished runs of {model!r}.")
        if rows["seed"].duplicated().any():
            raise ValueError(f"{self.name} has {model!r} at several learning rates; say which.")
        return rows

    def mean(
        self, model: str, *, data: str | None = None, rate: float | None = None, column: str = "accuracy"
    ) -> float:
        """Return the mean of a column over the seeds; see :meth:`runs`."""
        return float(self.runs(model, data=data, rate=rate)[column].mean())

    def rate(self, model: str, *, data: str | None = None) -> float:
        """Return the learning rate at which the model was trained; see :meth:`runs`."""
        return float(self.runs(model, data=data)["learning_rate"].iloc[0])

    def gain(
        self,
        first: str,
        second: str,
        *,
        data: str | None = None,
        rate: float | None = None,
        column: str = "accuracy",
    ) -> Difference:
        """Return the difference of two models, first minus second, paired by seed; see :meth:`runs`."""
        pair = pd.concat([self.runs(model, data=data, rate=rate) for model in (first, second)])
        return compare(pair, first, second, column=column)

    def every_seed(
        self, first: str, second: str, *, data: str | None = None, rate: float | None = None
    ) -> bool:
        """Whether first scores higher than second with every seed; both need the same seeds."""
        a, b = (
            self.runs(model, data=data, rate=rate).set_index("seed")["accuracy"].sort_index()
            for model in (first, second)
        )
        if not a.index.equals(b.index):
            raise ValueError(f"{self.name} has other seeds for {first!r} than for {second!r}.")
        return bool((a > b).all())

    def ranking(self, *models: str, data: str | None = None, rate: float | None = None) -> list[str]:
        """Return models by mean score, the highest first; all of the table's when none are named."""
        names = models or tuple(dict.fromkeys(self.table[self.table.data == self._data(data)]["model"]))
        return sorted(names, key=lambda model: -self.mean(model, data=data, rate=rate))

    def outcome(self, key: str) -> Outcome:
        """Return what became of a primary comparison.

        Args:
            key: such as ``"cbam against plain on scenes-where"``; where there is one kind of data and each model has
                one learning rate, ``"cbam against plain"`` will do.

        Raises:
            ValueError: nothing of that name was registered.
        """
        found = self.outcomes()
        named = [o for o in found if o.comparison.key == key] or [
            o for o in found if o.comparison.key.startswith(f"{key} on ")
        ]
        if len(named) != 1:
            keys = "; ".join(o.comparison.key for o in found) or "nothing"
            raise ValueError(f"{self.name} has no one comparison {key!r}; registered are: {keys}.")
        return named[0]

    def outcomes(self) -> list[Outcome]:
        """Return every primary comparison, in the order of the registration."""
        if self.registration is None:
            return []
        return outcomes(self.registration, self.table, self.withdrawn)

    def _data(self, data: str | None) -> str:
        kinds = list(dict.fromkeys(self.table["data"]))
        if data is None and len(kinds) > 1:
            raise ValueError(f"{self.name} has several kinds of data; say which: {', '.join(kinds)}.")
        return data or (kinds[0] if kinds else "")


def evidence(name: str, *, folder: str | Path | None = None) -> Evidence:
    """Return what a table of ``results`` says.

    Args:
        name: of a registered experiment, such as ``"near"``, of a table that is only told of, such as
            ``"retold/where"``, or of timings, such as ``"benchmarks/attention"``.
        folder: where the tables lie; when left out, those that travel with the package.

    Raises:
        FileNotFoundError: there is no such table yet.
    """
    if name.startswith("benchmarks/"):
        return Evidence(name, load_benchmark(name.removeprefix("benchmarks/")))
    ledger = Ledger(Path(folder) if folder is not None else results_folder())
    try:
        registration = ledger.registration(name)
    except NotRegistered:
        path = ledger.folder / f"{name}.csv"
        if not path.is_file():
            raise FileNotFoundError(f"There is no table {name!r} in {ledger.folder}.") from None
        table = pd.read_csv(path, dtype={"commit": str, "code": str, "error": str}, keep_default_na=True)
        good = table["error"].isna() if "error" in table else slice(None)
        return Evidence(name, table[good].reset_index(drop=True))
    table = ledger.evaluation(registration)
    if table.empty:
        raise FileNotFoundError(f"{name} is registered and has no runs yet; there is no table to read.")
    good = table[table["error"] == ""].reset_index(drop=True)
    return Evidence(name, good, registration, ledger.withdrawn().get(name, {}))
