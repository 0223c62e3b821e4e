"""What a table says, in the few questions that a sentence about it needs.

``evidence("near").gain("spatial", "plain").low > 0``
"""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..training.results import results_folder
from ..training.statistics import Difference, compare
from .ledger import Ledger
from .outcomes import Outcome, outcomes, rows_of
from .registration import NotRegistered, Registration


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
        name: of a registered experiment, such as ``"near"``, or of a table that is only told of, such as
            ``"retold/where"``.
        folder: where the tables lie; when left out, those that travel with the package.

    Raises:
        FileNotFoundError: there is no such table yet.
    """
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
