"""Block diagrams of the modules: boxes in a row, arrows with shapes, and the path that skips them."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from .style import COLOURS, panels

_BOX = {"boxstyle": "round,pad=0.4", "linewidth": 1.2, "edgecolor": "#333333"}


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


def _arrow(axis, start, end) -> None:
    style = {"arrowstyle": "-|>", "color": "#333333", "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", xy=end, xytext=start, arrowprops=style)
