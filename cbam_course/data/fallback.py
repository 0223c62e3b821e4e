"""Small real images for a lesson, or scenes where there are none: the lesson goes on."""

from typing import NamedTuple

import torch
from torch import Tensor

from .cifar10 import CLASS_NAMES, DataNotFound, load_cifar10
from .scenes import make_scenes


class SmallImages(NamedTuple):
    """Images of 32 × 32 pixels to classify.

    Args:
        train, test: pairs of images uint8 (n, 3, 32, 32) and labels int64 (n,).
        class_names: the names that labels count.
        title: what they are, for the title of a figure: ``"CIFAR-10"`` or ``"scenes"``.
    """

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    class_names: tuple[str, ...]
    title: str


def cifar10_or_scenes(
    train: int = 3000, test: int = 1000, *, seed: int = 0, download: bool = True
) -> SmallImages:
    """Return images of CIFAR-10; where it cannot be had, say so in one sentence and return scenes.

    Args:
        train, test: number of images, at most 50,000 and 10,000.
        seed: which images of CIFAR-10, or which scenes.
        download: go to the network when there is no copy on this computer.
    """
    try:
        pairs = [
            _some(load_cifar10(split, download=download), count, seed)
            for split, count in (("train", train), ("test", test))
        ]
        return SmallImages(*pairs, CLASS_NAMES, "CIFAR-10")
    except DataNotFound as reason:
        print(f"{reason} This lesson goes on with scenes.")
    # Three shapes are what 32 × 32 pixels have room for.
    scenes = [
        make_scenes(n, size=32, distractors=2, seed=2 * seed + which) for which, n in enumerate((train, test))
    ]
    return SmallImages(*(s.classification for s in scenes), scenes[0].class_names, "scenes")


def _some(pair: tuple[Tensor, Tensor], count: int, seed: int) -> tuple[Tensor, Tensor]:
    chosen = torch.randperm(len(pair[1]), generator=torch.Generator().manual_seed(seed))[:count]
    return pair[0][chosen], pair[1][chosen]
