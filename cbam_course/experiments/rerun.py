"""Train one row again and compare: an honest table can be told from an edited one."""

import random
from dataclasses import dataclass

from .execute import evaluation_path
from .provenance import processor, versions
from .registration import NotRegistered, Registration, run_of
from .run import Run, perform
from .tables import read_table

# How far one run may lie from its row on another processor or with another version of torch. Rounding differs
# there in the last digit, and training makes more of it: two such runs are as far apart as two neighbouring seeds.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Rerun:
    """A row beside the same run made again.

    Args:
        row: its number in the table, counted from 1.
        run: what was computed.
        before, now: the score in the table, and that of the new run.
        exact: whether the two have to be equal digit by digit: same versions, same processor.
    """

    row: int
    run: Run
    before: float
    now: float
    exact: bool

    @property
    def agrees(self) -> bool:
        """Whether the new score is close enough to the old one."""
        return self.before == self.now if self.exact else abs(self.before - self.now) <= TOLERANCE

    def __str__(self) -> str:
        what = f"row {self.row}, {self.run.model}, seed {self.run.seed}: {self.before:.5f} in the table, {self.now:.5f} now"
        how = "equal digits" if self.exact else f"within {TOLERANCE}, because versions or processor differ"
        return f"{what}; {'agrees' if self.agrees else 'DOES NOT AGREE'} ({how})"


def rerun(registration: Registration, row: int | str = "random") -> Rerun:
    """Train one evaluation row again, on one CPU thread.

    Args:
        registration: of which experiment.
        row: the number of a row of its table, counted from 1, or ``"random"``.

    Raises:
        NotRegistered: the table has no such row, or the run fails; the message says which.
    """
    table = read_table(evaluation_path(registration))
    number = _number(registration, row, len(table))
    old = table.iloc[number - 1].to_dict()
    new = perform(run_of(old), {}, threads=1, device="cpu")
    if new["error"]:
        raise NotRegistered(f"{registration.name}, row {number}, failed now: {new['error']}")
    exact = (old["versions"], old["processor"], old["device"]) == (versions(), processor(), "cpu")
    return Rerun(number, run_of(old), float(old["accuracy"]), round(new["accuracy"], 5), exact)


def _number(registration: Registration, row: int | str, count: int) -> int:
    if count == 0:
        raise NotRegistered(f"{registration.name} has no rows yet.")
    if row == "random":
        return random.randint(1, count)
    if not str(row).isdigit() or not 1 <= int(row) <= count:
        raise NotRegistered(f"row is {row}; give a number from 1 to {count}, or random.")
    return int(row)
