"""The roofline: how fast a network could run on a machine, and how fast it runs."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..cost import Machine, Measured
from .style import COLOURS, MARKERS, panels


def plot_roofline(
    rows: Sequence[Measured], machine: Machine, *, width: float = 6.0, height: float = 3.8, title: str = ""
) -> Figure:
    """Draw the roof of a machine and a point below it for each network, both axes logarithmic.

    To the left, where few operations come to a byte, the roof rises with the bandwidth; to the right it is level,
    at what the arithmetic reaches. A point far below the roof loses its time elsewhere, one above it worked on data
    in a cache.

    Args:
        rows: what ``measure_cost`` returned; networks without a single multiply-add have no place here.
        machine: what ``measure_machine`` returned.
        width, height: in inches.
        title: above the figure; the machine's name when empty.

    Source: Williams, Waterman, Patterson: "Roofline", Communications of the ACM 52(4), 2009.
    """
    rows = [row for row in rows if row.cost.macs]
    ridge = machine.arithmetic / machine.bandwidth
    lowest = min([ridge / 10, *(row.intensity / 2 for row in rows)])
    highest = max([ridge * 10, *(row.intensity * 2 for row in rows)])
    with panels(1, 1, width=width, height=height, title=title or machine.name) as (figure, (axis,)):
        roof = [lowest * machine.bandwidth / 1e9, machine.arithmetic / 1e9, machine.arithmetic / 1e9]
        axis.plot([lowest, ridge, highest], roof, color="black", lw=1.5, label="roof")
        for number, row in enumerate(rows):
            axis.plot(
                [row.intensity],
                [row.speed / 1e9],
                MARKERS[number % 7],
                color=COLOURS[number % 7],
                ls="",
                label=f"{row.name}: {1e3 * row.seconds.evaluation:.1f} ms",
            )
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("operations per byte moved")
        axis.set_ylabel("billion operations per second")
        axis.legend(loc="lower right")
    return figure
