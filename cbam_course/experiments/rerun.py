"""Train one row again and compare: an honest table can be told from an edited one."""

import random
from dataclasses import dataclass

import pandas as pd

from .ledger import Ledger
from .provenance import processor, versions
from .registration import NotRegistered, Registration
from .run import Run, perform
from .tables import SCORES, run_of

# How far one run may lie from its row on another processor or with another version of torch. Rounding differs
# there in the last digit, and training makes more of it: two such runs are as far apart as two neighbouring seeds.
TOLERANCE = 0.05


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
