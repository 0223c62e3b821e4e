"""Charts: gates per channel, curves, single runs, differences, distributions; and what is drawn with boxes."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from .style import COLOURS, HATCHES, MARKERS, as_array, bare, panels

_BOX = {"boxstyle": "round,pad=0.4", "linewidth": 1.2, "edgecolor": "#333333"}


def plot_gates(
    gates: Mapping[str, Tensor],
    labels: Sequence[str] = (),
    *,
    width: float = 7.0,
    height: float = 2.6,
    ylabel: str = "gate",
    limits: tuple[float, float] | None = (0.0, 1.0),
    title: str = "",
    colours: Sequence[str] = COLOURS,
) -> Figure:
    """Draw one bar for each channel and each entry, side by side.

    Args:
        gates: name -> (C,) values, all of one length.
        labels: names of the channels; their numbers by default.
        limits: of the vertical axis; None to fit the values.
        colours: of the entries, in order, where their names are those of colours; hatches tell them apart as well.
    """
    count = len(next(iter(gates.values())))
    step = 0.8 / len(gates)
    with panels(1, 1, width=width, height=height, title=title) as (figure, (axis,)):
        for number, (name, values) in enumerate(gates.items()):
            left = np.arange(count) - 0.4 + step * number
            axis.bar(
                left,
                as_array(values).flatten(),
                step,
                align="edge",
                label=name,
                color=colours[number % len(colours)],
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


def plot_beside(
    curves: Mapping[str, Sequence[Sequence[float]]],
    reference: Sequence[Sequence[float]],
    *,
    name: str,
    xlabel: str,
    ylabel: str,
    columns: int = 5,
) -> Figure:
    """Draw one small panel for each entry: the curve of every run, and the reference's in every panel, dashed.

    Args:
        curves: name -> runs, each a list of values.
        reference: the runs that all others are to be compared with; their mean is drawn.
        name: of the reference.
    """
    mean = np.array(reference, dtype=np.float64).mean(axis=0)
    rows = -(-len(curves) // columns)
    with panels(rows, columns, width=1.75, height=1.6) as (figure, axes):
        for axis in axes[len(curves) :]:
            axis.set_axis_off()
        for axis, (title, runs) in zip(axes, curves.items(), strict=False):
            for run in runs:
                axis.plot(range(1, len(run) + 1), run, color=COLOURS[0], lw=1)
            (line,) = axis.plot(range(1, len(mean) + 1), mean, color=COLOURS[6], ls="--", lw=1.2)
            axis.set_title(title)
            axis.set_ylim(0, 1)
            axis.locator_params(axis="x", integer=True)
        axes[0].set_ylabel(ylabel)
        axes[0].set_xlabel(xlabel)
        figure.legend([line], [name], loc="outside upper right")
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
            scores = np.array(list(values), dtype=np.float64)
            axis.plot(scores, [row] * len(scores), "o", color=COLOURS[0], alpha=0.6, ms=5)
            axis.plot([scores.mean()] * 2, [row - 0.3, row + 0.3], color=COLOURS[5], lw=2)
            axis.annotate(
                f"{scores.mean():.3f}", (1.01, row), xycoords=("axes fraction", "data"), va="center"
            )
        if chance is not None:
            axis.axvline(chance, ls=":", color="grey")
            axis.annotate("chance", (chance, -0.75), ha="center", color="grey")
        axis.set_yticks(range(len(runs)), runs.keys())
        axis.invert_yaxis()
        axis.set_xlabel(f"{xlabel} (points: single runs; bar: their mean)")
        axis.grid(axis="x", alpha=0.3)
    return figure


def plot_differences(
    rows: Mapping[str, tuple[Sequence[float], float, float]], *, xlabel: str, width: float = 6.0
) -> Figure:
    """Show every single difference as a point, the interval of their mean as a bar, and a line at 0.

    Args:
        rows: name -> (one difference per seed, lower end, upper end of the interval).
        xlabel: what was subtracted from what.
        width: in inches.
    """
    with panels(1, 1, width=width, height=0.36 * len(rows) + 1.0) as (figure, (axis,)):
        for row, (points, low, high) in enumerate(rows.values()):
            axis.plot([low, high], [row, row], color=COLOURS[5], lw=6, alpha=0.4, solid_capstyle="butt")
            axis.plot(list(points), [row] * len(points), "o", color=COLOURS[0], alpha=0.7, ms=4)
            axis.annotate(
                f"{low:+.3f} to {high:+.3f}", (1.01, row), xycoords=("axes fraction", "data"), va="center"
            )
        axis.axvline(0, ls=":", color="grey")
        axis.set_yticks(range(len(rows)), rows.keys())
        axis.invert_yaxis()
        axis.set_xlabel(f"{xlabel} (points: seeds; bar: 95 % interval of the mean)")
    return figure


def plot_distributions(
    groups: Mapping[str, Mapping[str, Tensor]], *, bins: int = 30, width: float = 4.0, height: float = 2.6
) -> Figure:
    """Draw one panel for each entry, with the histograms of its sets over each other on common bins.

    Args:
        groups: panel title -> (name of a set -> its values), two sets at most.
        bins: number of bars over the common range.
        width, height: of one panel, in inches.
    """
    with panels(1, len(groups), width=width, height=height) as (figure, axes):
        for axis, (title, sets) in zip(axes, groups.items(), strict=True):
            values = [v.detach().double().cpu().numpy() for v in sets.values()]
            everything = np.concatenate([one.ravel() for one in values])
            span = float(everything.min()), float(everything.max())
            for number, (name, one) in enumerate(zip(sets, values, strict=True)):
                axis.hist(
                    one, bins, range=span, color=COLOURS[number * 5], alpha=0.55, label=name,
                    hatch=HATCHES[number], edgecolor="white", linewidth=0.3,
                )  # fmt: skip
            axis.set_title(title)
            axis.set_ylabel("scenes")
        axes[0].legend()
    return figure


def draw_flow(
    steps: Sequence[tuple[str, str]],
    *,
    skip: str = "",
    skip_to: int = -1,
    highlight: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """Draw steps from left to right, each as (what happens, shape that comes out).

    Args:
        steps: the boxes in order; the second text of each is written under the arrow that leaves it.
        skip: if given, an arrow with this text leads from the first box past the others.
        skip_to: number of the box where that arrow ends; the last one by default.
        highlight: texts of the boxes to be drawn in colour.
    """
    spacing = 1.45
    with panels(1, 1, width=spacing * len(steps), height=1.9 if skip else 1.3, title=title) as (
        figure,
        (axis,),
    ):
        for number, (text, shape) in enumerate(steps):
            ground = COLOURS[4] if text in highlight else "#f2f2f2"
            axis.text(number, 0, text, ha="center", va="center", bbox={**_BOX, "facecolor": ground})
            axis.text(number, -0.62, shape, ha="center", va="top", fontsize=8, color="#444444")
            if number:
                _arrow(axis, (number - 0.58, 0), (number - 0.42, 0))
        if skip:
            last = skip_to % len(steps)
            axis.plot([0, 0, last], [0.4, 1.0, 1.0], color="#333333", lw=1.2)
            _arrow(axis, (last, 1.02), (last, 0.35))
            axis.text(last / 2, 1.12, skip, ha="center", va="bottom", fontsize=8)
        axis.set_xlim(-0.6, len(steps) - 0.4)
        axis.set_ylim(-1.1, 1.5 if skip else 0.6)
        axis.set_axis_off()
    return figure


def draw_settings(
    title: str, sections: Sequence[str], pages: Mapping[str, Sequence[tuple[str, bool]]]
) -> Figure:
    """Draw a settings dialog, not as it looks but as far as one needs to know: one panel for each page.

    Args:
        title: what stands above each page, such as the way through the menus.
        sections: the names of the dialog's pages, listed on the left of each panel.
        pages: the pages to be shown, by their name in ``sections``; each option as (text, ticked).
    """
    with panels(1, len(pages), width=4.6, height=0.45 * len(sections) + 0.5) as (figure, axes):
        for axis, (name, options) in zip(axes, pages.items(), strict=True):
            for row, section in enumerate(sections):
                ground = COLOURS[4] if section == name else "white"
                weight = "bold" if section == name else "normal"
                axis.text(0.02, -row, section, va="center", weight=weight, bbox={"fc": ground, "ec": "none"})
            axis.axvline(1.35, color="#999999", lw=0.8)
            for row, (text, ticked) in enumerate(options):
                axis.plot(1.6, -row, marker="s", ms=9, mfc="white", mec="#333333")
                if ticked:
                    axis.plot(1.6, -row, marker="x", ms=6, color="#333333")
                axis.text(1.78, -row, text, va="center")
            axis.set(xlim=(-0.1, 4.6), ylim=(-len(sections) + 0.4, 0.6))
            bare(axis, title)
            axis.add_patch(
                Rectangle((0, 0), 1, 1, transform=axis.transAxes, fill=False, ec="#333333", lw=1.2)
            )
    return figure


def _arrow(axis, start, end) -> None:
    style = {"arrowstyle": "-|>", "color": "#333333", "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", xy=end, xytext=start, arrowprops=style)


def plot_points(
    points: Mapping[str, tuple[float, float]],
    *,
    xlabel: str,
    ylabel: str,
    width: float = 6.0,
    height: float = 3.2,
) -> Figure:
    """Draw one point for each entry, told apart by colour and marker, with a legend beside the axes.

    Args:
        points: name -> (x, y).
        xlabel, ylabel: what they are, with units.
        width, height: in inches.
    """
    with panels(1, 1, width=width, height=height) as (figure, (axis,)):
        for number, (name, (x, y)) in enumerate(points.items()):
            axis.plot([x], [y], MARKERS[number % 7], color=COLOURS[number % 7], ls="", ms=8, label=name)
        axis.set_xlabel(xlabel)
        axis.set_ylabel(ylabel)
        axis.margins(0.12)
        axis.grid(alpha=0.3)
        axis.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure
