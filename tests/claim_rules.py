"""What a claim has to bear: its sentence stands there, its expression is true, and it can be false.

A claim is a pair: a sentence, as it stands in the text, and an expression, a function of ``t``. ``t("near")`` is the
:class:`cbam_course.experiments.evidence.Evidence` of a table::

    ("Spatial attention solves it.", lambda t: t("near").mean("spatial") > t("near").mean("plain") + 0.2)
"""

import re
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from cbam_course.experiments.evidence import Evidence

Claim = tuple[str, Callable]
_TIMED = ("milliseconds", "ratio", "unit", "peak/input", "saved/input")
_SCORES = ("accuracy", "accuracy_small", "accuracy_large", "validation_accuracy")


def words(text: str) -> str:
    """Return the text without comment markers at the beginning of lines, and with single spaces."""
    return " ".join(re.sub(r"^[ \t]*(#(?!#)|>)[ \t]?", "", text, flags=re.MULTILINE).split())


def faults(claim: Claim, text: str, read: Callable[[str], Evidence]) -> list[str]:
    """Return what is wrong with a claim; nothing if it holds and could fail.

    Args:
        claim: sentence and expression.
        text: where the sentence has to stand.
        read: name of a table -> its evidence.
    """
    sentence, expression = claim
    found = [] if words(sentence) in words(text) else ["the sentence does not stand there"]
    tables: dict[str, Evidence] = {}

    def reading(name: str) -> Evidence:
        return tables.setdefault(name, read(name))

    if not expression(reading):
        return [*found, "the tables say otherwise"]
    if not tables:
        return [*found, "the expression reads no table"]
    for name in tables:
        alterations = TIMED if "milliseconds" in tables[name].table else ALTERATIONS
        if not any(_red(expression, tables, name, alter) for alter in alterations):
            found.append(f"no change of the table {name} makes it false")
    return found


def _red(expression: Callable, tables: dict[str, Evidence], name: str, alter: Callable) -> bool:
    """Whether the claim is false with one table altered; a failing expression is no answer."""
    other = {**tables, name: replace(tables[name], table=alter(tables[name].table.copy()))}
    try:
        return not expression(other.__getitem__)
    except (ValueError, KeyError):
        return False


def mirrored(table: pd.DataFrame) -> pd.DataFrame:
    """Every score becomes one minus it: the best model is the worst."""
    columns = [name for name in _SCORES if name in table]
    table[columns] = 1 - table[columns]
    return table


def exchanged(table: pd.DataFrame) -> pd.DataFrame:
    """The models exchange their rows, the best with the worst."""
    order = list(table.groupby("model")["accuracy"].mean().sort_values().index)
    table["model"] = table["model"].map(dict(zip(order, reversed(order), strict=True)))
    return table


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """The models' scores move apart, so that what hardly differed differs."""
    steps = {model: step for step, model in enumerate(sorted(set(table["model"])))}
    table["accuracy"] += 0.1 * table["model"].map(steps)
    return table


def spread_the_other_way(table: pd.DataFrame) -> pd.DataFrame:
    """As :func:`spread`, downwards."""
    steps = {model: step for step, model in enumerate(sorted(set(table["model"])))}
    table["accuracy"] -= 0.1 * table["model"].map(steps)
    return table


def levelled(table: pd.DataFrame) -> pd.DataFrame:
    """All models score the same with a seed, so that what differed does not."""
    for column in (name for name in _SCORES if name in table):
        table[column] = table.groupby(["data", "seed"])[column].transform("mean")
    return table


def reseeded(table: pd.DataFrame) -> pd.DataFrame:
    """The scores of a model stand with its other seeds, the lowest first, so that what held in each seed may not."""
    for number, (_, rows) in enumerate(table.groupby(["data", "model", "learning_rate"])):
        table.loc[rows.index, "accuracy"] = sorted(rows["accuracy"], reverse=bool(number % 2))
    return table


def retuned(table: pd.DataFrame) -> pd.DataFrame:
    """Every learning rate is another."""
    rates = sorted(set(table["learning_rate"]))
    others = dict(zip(rates, [*rates[1:], rates[0] if len(rates) > 1 else 3 * rates[0]], strict=True))
    table["learning_rate"] = table["learning_rate"].map(others)
    return table


def turned_round(table: pd.DataFrame) -> pd.DataFrame:
    """What was slow or large is fast or small."""
    for column in (name for name in _TIMED if name in table):
        table[column] = 1 / table[column]
    return table


def all_alike(table: pd.DataFrame) -> pd.DataFrame:
    """Everything takes the same time and the same memory."""
    for column in (name for name in _TIMED if name in table):
        table[column] = table[column].median()
    return table


TIMED = (turned_round, all_alike)
ALTERATIONS = (mirrored, exchanged, spread, spread_the_other_way, levelled, reseeded, retuned)
