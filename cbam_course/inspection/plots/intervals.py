"""Differences of paired runs with their intervals."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from .style import COLOURS, panels


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
