"""The museum of mistakes: wrong modules trained beside the right one, read from the tables that travel along."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..data.photos import to_float
from ..training.results import results_folder
from .mirror import as_it_stands


class Museum(NamedTuple):
    """What was kept of the museum.

    Args:
        curves: one row for each kind of scenes (``data``), exhibit (``model``), ``seed`` and ``epoch``, with the mean
            IoU on validation scenes in ``accuracy``; the right module is the exhibit ``"right"``.
        maps: of the first seed and two scenes: ``"what/images"`` and ``"what/masks"``, and for each exhibit
            ``"what/softmax/answer"`` (uint8, 255 is certain), ``"/channels"`` (2, C) and ``"/positions"`` (2, h, w),
            as :func:`let_through` has them.
    """

    curves: pd.DataFrame
    maps: dict[str, np.ndarray]


def load_museum(folder: str | Path | None = None) -> Museum:
    """Return the curves and the maps of the museum; ``tools/make_museum.py`` makes them.

    Args:
        folder: where they lie; when left out, those that travel with the package.
    """
    folder = Path(folder) if folder is not None else results_folder()
    with np.load(folder / "museum.npz") as kept:
        return Museum(pd.read_csv(folder / "museum.csv"), dict(kept))


def let_through(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much the last block's attention lets through of each channel and at each position.

    Whatever the module does inside, its output y is compared with its input x: ``sum(x y) / sum(x x)``, the factor
    that fits best, over the positions of each channel and over the channels at each position. Of channel attention
    the first is the gate, of spatial attention the second.

    Args:
        model: a :class:`DenseCNN` or :class:`SmallCNN`; it stays as it is.
        images: uint8 (n, 3, H, W).

    Shape:
        channels (n, C), positions (n, h, w).
    """
    kept = {}

    def keep(module, inputs, output):
        kept["x"], kept["y"] = inputs[0].detach().clone(), output.detach().clone()

    hook = model.blocks[-1].attention.register_forward_hook(keep)
    try:
        with as_it_stands(model):
            model(to_float(images))
    finally:
        hook.remove()
    both, square = kept["x"] * kept["y"], kept["x"].square()
    tiny = torch.finfo(square.dtype).tiny  # a channel that is dark everywhere lets nothing through
    return (
        both.sum(dim=(2, 3)) / square.sum(dim=(2, 3)).clamp(min=tiny),
        both.sum(dim=1) / square.sum(dim=1).clamp(min=tiny),
    )
