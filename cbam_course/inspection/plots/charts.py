"""Charts: gates per channel, curves, and single runs with their means."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLOURS, HATCHES, MARKERS, panels


def plot_gates(
    gates: Mapping[str, Tensor],
    labels: Sequence[str] = (),
    *,
    width: float = 7.0,
    height: float = 2.6,
    ylabel: str = "gate",
    limits: tuple[float, float] | None = (0.0, 1.0),
    title: str = "",
) -> Figure:
    """Draw one bar for each channel and each entry, side by side.

    Args:
        gates: name -> (C,) values, all of one length.
        labels: names of the channels; their numbers by default.
        limits: of the vertical axis; None to fit the values.
    """
    count = len(next(iter(gates.values())))
    step = 0.8 / len(gates)
    with panels(1, 1, width=width, height=height, title=title) as (figure, (axis,)):
        for number, (name, values) in enumerate(gates.items()):
            place = torch.arange(count) - 0.4 + step * (number + 0.5)
            axis.bar(
                place,
                values.detach().flatten().cpu(),
                step,
                label=name,
                color=COLOURS[number % 7],
                hatch=HATCHES[number % 7],
                edgecolor="white",
            )
        axis.set_xticks(range(count), labels or range(count), rotation=30 if labels and count > 6 else 0)
        axis.set_ylabel(ylabel)
        axis.set_ylim(limits)
        if len(gates) > 1:
            axis.legend(ncols=len(gates), loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def plot_lines(
    lines: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    x: Sequence[float] | None = None,
    width: float = 5.0,
    height: float = 2.8,
    title: str = "",
) -> Figure:
    """Draw one curve for each entry, told apart by colour and marker.

    Args:
        lines: name -> values.
        x: places of the values; 1, 2, 3 … by default.
    """
    with panels(1, 1, width=width, height=height, title=title) as (figure, (axis,)):
        for number, (name, values) in enumerate(lines.items()):
            places = x if x is not None else range(1, len(values) + 1)
            axis.plot(places, values, label=name, color=COLOURS[number % 7], marker=MARKERS[number % 7], ms=4)
        axis.set_xlabel(xlabel)
        axis.set_ylabel(ylabel)
        if len(lines) > 1:
            axis.legend()
    return figure


def plot_runs(
    runs: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    chance: float | None = None,
    width=6.0,
    title="",
) -> Figure:
    """Show every single run as a point and the mean as a bar across, one row for each entry.

    Args:
        runs: name -> the values of its runs.
        chance: what guessing reaches, drawn as a dotted line.
    """
    with panels(1, 1, width=width, height=0.34 * len(runs) + 1.0, title=title) as (figure, (axis,)):
        for row, values in enumerate(runs.values()):
            values = torch.as_tensor(list(values), dtype=torch.float64)
            axis.plot(values, [row] * len(values), "o", color=COLOURS[0], alpha=0.6, ms=5)
            axis.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=COLOURS[5], lw=2)
            axis.annotate(
                f"{values.mean():.3f}", (1.01, row), xycoords=("axes fraction", "data"), va="center"
            )
        if chance is not None:
            axis.axvline(chance, ls=":", color="grey")
            axis.annotate("chance", (chance, -0.75), ha="center", color="grey")
        axis.set_yticks(range(len(runs)), runs.keys())
        axis.invert_yaxis()
        axis.set_xlabel(f"{xlabel} (points: single runs; bar: their mean)")
        axis.grid(axis="x", alpha=0.3)
    return figure
