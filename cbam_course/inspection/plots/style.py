"""How every figure of the course looks: colours that the colour-blind tell apart, and one kind of frame."""

from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from torch import Tensor

# Okabe and Ito's palette (2008), made to be told apart with any kind of colour vision.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000")
# The second sign beside colour: markers and hatches say the same thing to a reader who sees grey.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "--")
MAP = "viridis"  # from dark (low) to light (high), also in grey
SIGNED_MAP = "PuOr"  # for values around zero

_SETTINGS = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "font.size": 9,
    "image.cmap": MAP,
    "image.interpolation": "nearest",
    "legend.frameon": False,
}


@contextmanager
def panels(rows: int, columns: int, *, width: float = 2.2, height: float = 2.2, title: str = ""):
    """Yield a figure and its axes as a flat list; afterwards close it, so that it is shown once.

    A notebook cell shows the figure that its last line returns; one left open would appear a second time.
    """
    with mpl.rc_context(_SETTINGS):  # type: ignore[arg-type]
        size = (width * columns, height * rows)
        figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
        if title:
            figure.suptitle(title, fontsize=11)
        try:
            yield figure, list(axes.flat)
        finally:
            plt.close(figure)


def as_array(values: Tensor) -> np.ndarray:
    """Return a tensor's values for matplotlib, which warns where it has to convert them itself."""
    return values.detach().float().cpu().numpy()


def bare(axis, title: str = "") -> None:
    """Remove ticks and frame: a picture has no axes."""
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
    if title:
        axis.set_title(title)
