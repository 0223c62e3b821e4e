"""Two sets of values, and how far they overlap."""

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLOURS, HATCHES, panels


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
            values = [v.detach().double().cpu() for v in sets.values()]
            everything = torch.cat(values)
            span = float(everything.min()), float(everything.max())
            for number, (name, one) in enumerate(zip(sets, values, strict=True)):
                axis.hist(
                    one.numpy(), bins, span, color=COLOURS[number * 5], alpha=0.55, label=name,
                    hatch=HATCHES[number], edgecolor="white", linewidth=0.3,
                )  # fmt: skip
            axis.set_title(title)
            axis.set_ylabel("scenes")
        axes[0].legend()
    return figure
