"""What an experiment learns, by name: the images, and the kind of network for them."""

import re
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..data.cifar10 import CLASS_NAMES, load_cifar10
from ..data.scenes import scene_splits

VALIDATION_IMAGES, TEST_IMAGES = 500, 2000

# name -> the scenes' task (or CIFAR-10), the kind of network, and arguments of make_scenes
_TASKS = {
    "scenes-where": ("where", "small", {}),
    "scenes-what": ("what", "small", {}),
    "scenes-what-dense": ("what", "dense", {}),
    # Three shapes are what 32 × 32 pixels have room for.
    "finetune-where": ("where", "pretrained", {"size": 32, "distractors": 2}),
    "cifar10": ("cifar10", "resnet20", {}),
}
TASKS = tuple(_TASKS)


class Splits(NamedTuple):
    """Three disjoint sets of images uint8 (n, 3, H, W) with labels (n,) or masks (n, H, W).

    Args:
        train, validation, test: pairs as ``fit`` takes them.
        radius: float (n,) in pixels, size of the asked object in every test image; ``None`` where it has none.
        classes: number of classes; ``None`` where every pixel has an answer of its own.
    """

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    radius: Tensor | None
    classes: int | None


@dataclass(frozen=True)
class Task:
    """One kind of data.

    Args:
        name: a name out of ``TASKS``; that of scenes possibly followed by ``-radiusR`` (every shape has this
            radius in pixels) and ``-distractorsN``: ``scenes-where-radius3``, ``scenes-where-distractors8``.
    """

    name: str

    def __post_init__(self):
        if self._match is None or (self._match[1] == "cifar10" and self.name != "cifar10"):
            raise ValueError(
                f"data is {self.name!r}; choose one of {', '.join(TASKS)}, for scenes possibly with -radius3 "
                "or -distractors8 behind it."
            )

    @property
    def network(self) -> str:
        """The kind of network, see :meth:`cbam_course.training.variants.Variant.build`."""
        return _TASKS[self._match[1]][1]

    @property
    def _match(self) -> re.Match | None:
        bases = "|".join(sorted(TASKS, key=len, reverse=True))
        return re.fullmatch(rf"({bases})(?:-radius(\d+(?:\.\d+)?))?(?:-distractors(\d+))?", self.name)

    def splits(self, images: int, seed: int) -> Splits:
        """Return the sets of one seed.

        Args:
            images: number of training images; 500 more are for validation, and 2,000 scenes or all 10,000
                test images of CIFAR-10 for the test.
            seed: which scenes, or which images of CIFAR-10, as many of each class.

        Raises:
            ValueError: CIFAR-10 has too few images, or the number is no multiple of ten.
            cbam_course.data.download.DataNotFound: CIFAR-10 cannot be had.
        """
        kind, network, knobs = _TASKS[self._match[1]]
        if kind == "cifar10":
            return _cifar10(images, seed)
        radius, distractors = self._match[2], self._match[3]
        knobs = knobs | ({"radius": (float(radius),) * 2} if radius else {})
        knobs = knobs | ({"distractors": int(distractors)} if distractors else {})
        sizes = {"validation": VALIDATION_IMAGES, "test": TEST_IMAGES}
        parts = scene_splits(images, task=kind, seed=seed, **sizes, **knobs)
        dense = network == "dense"
        pairs = (scenes.dense if dense else scenes.classification for scenes in parts)
        return Splits(*pairs, parts[2].radius, None if dense else len(parts[0].class_names))


def _cifar10(images: int, seed: int) -> Splits:
    """Stratified: as many images of each class, those for validation from the training set too."""
    classes, total = len(CLASS_NAMES), images + VALIDATION_IMAGES
    pixels, labels = load_cifar10("train")
    if images % classes or total > len(labels):
        raise ValueError(
            f"images is {images}; for cifar10 give a multiple of {classes}, at most "
            f"{len(labels) - VALIDATION_IMAGES}."
        )
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    # One image of each class after the other: any beginning of it, cut at a multiple of ten, is stratified.
    by_class = [shuffled[labels[shuffled] == k][: total // classes] for k in range(classes)]
    chosen = torch.stack(by_class, dim=1).flatten()
    train, held_out = chosen[:images], chosen[images:]
    pairs = [(pixels[part], labels[part]) for part in (train, held_out)]
    return Splits(*pairs, load_cifar10("test"), None, classes)
