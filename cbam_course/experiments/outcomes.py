"""What became of each registered comparison: mean, interval, corrected p-value, verdict."""

from dataclasses import dataclass

import pandas as pd

from ..statistics import ENOUGH, Difference, compare
from .registration import Comparison, Registration

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
