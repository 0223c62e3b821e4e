"""What an experiment learns, by name: the images, and the kind of network for them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ..data.cifar10 import CLASS_NAMES, load_cifar10
from ..data.pets import load_pets
from ..data.scenes import scene_splits

# name -> where the images come from (a question of scenes, cifar10, pets), the network, arguments of make_scenes
_KINDS: dict[str, tuple[str, str, dict]] = {
    "scenes-where": ("where", "small", {}),
    "scenes-what": ("what", "small", {}),
    "scenes-what-dense": ("what", "dense", {}),
    "scenes-near": ("near", "dense", {}),
    # Three shapes are what 32 × 32 pixels have room for.
    "finetune-where": ("where", "pretrained", {"size": 32, "distractors": 2}),
    "finetune-pets": ("pets", "pretrained", {}),
    "cifar10": ("cifar10", "resnet20", {}),
}
DATA = tuple(_KINDS)
# Three of the 37 breeds: a small set of real photographs, related to what the pretrained network knows.
PET_BREEDS = ("Abyssinian", "American Bulldog", "Bengal")


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
class DataSet:
    """One kind of data with the network that learns it.

    Args:
        name: as the command line has it.
        source: ``"where"``, ``"what"``, ``"near"`` (scenes), ``"pets"`` or ``"cifar10"``.
        network: as in :meth:`cbam_course.experiments.models.Model.build`.
        knobs: arguments of :func:`cbam_course.make_scenes`.
    """

    name: str
    source: str
    network: str
    knobs: Mapping = field(default_factory=dict)

    def splits(self, images: int, seed: int, *, validation: int = 500, test: int = 2000) -> Splits:
        """Return the sets of one seed.

        Args:
            images: number of training images.
            seed: which scenes, or which photographs.
            validation: images for validation.
            test: scenes for the test; CIFAR-10 and the pets have test sets of their own, which are taken whole.

        Raises:
            ValueError: there are too few photographs, or the numbers are no multiples of the number of classes.
            cbam_course.data.download.DataNotFound: photographs cannot be had.
        """
        if self.source == "cifar10":
            return _photographs("cifar10", load_cifar10, len(CLASS_NAMES), images, validation, seed)
        if self.source == "pets":
            return _photographs("finetune-pets", _small_pets, len(PET_BREEDS), images, validation, seed)
        parts = scene_splits(
            images, task=self.source, seed=seed, validation=validation, test=test, **self.knobs
        )
        dense = self.network == "dense"
        pairs = (scenes.dense if dense else scenes.classification for scenes in parts)
        return Splits(*pairs, parts[2].radius, None if dense else len(parts[0].class_names))


def data_named(name: str) -> DataSet:
    """Return the data that a word of the command line means.

    Args:
        name: a name out of ``DATA``; that of scenes possibly followed by ``-radiusR`` (every shape has this radius
            in pixels) and ``-distractorsN``: ``scenes-where-radius3``, ``scenes-where-distractors8``.

    Raises:
        ValueError: there is no such data; the message names what there is.
    """
    kinds = "|".join(sorted(DATA, key=len, reverse=True))
    match = re.fullmatch(rf"({kinds})(?:-radius(\d+(?:\.\d+)?))?(?:-distractors(\d+))?", name)
    if match is None or (_KINDS[match[1]][0] in ("cifar10", "pets") and name != match[1]):
        raise ValueError(
            f"data is {name!r}; choose one of {', '.join(DATA)}, for scenes possibly with -radius3 or -distractors8 "
            "behind it."
        )
    source, network, knobs = _KINDS[match[1]]
    radius = {"radius": (float(match[2]),) * 2} if match[2] else {}
    distractors = {"distractors": int(match[3])} if match[3] else {}
    return DataSet(name, source, network, {**knobs, **radius, **distractors})


def _photographs(name: str, load, classes: int, images: int, validation: int, seed: int) -> Splits:
    """Stratified: as many images of each class, those for validation from the training set too."""
    pixels, labels = load("train")
    total = images + validation
    if images % classes or validation % classes or total > len(labels):
        raise ValueError(
            f"images is {images} and validation {validation}; for {name} give multiples of {classes}, together at "
            f"most {len(labels)}."
        )
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    # One image of each class after the other: any beginning of it, cut at a multiple of the classes, is stratified.
    by_class = [shuffled[labels[shuffled] == k][: total // classes] for k in range(classes)]
    chosen = torch.stack(by_class, dim=1).flatten()
    train, held_out = chosen[:images], chosen[images:]
    pairs = [(pixels[part], labels[part]) for part in (train, held_out)]
    return Splits(*pairs, load("test"), None, classes)


def _small_pets(split: str) -> tuple[Tensor, Tensor]:
    """Photographs of three breeds at 32 × 32 pixels, the size that the pretrained network knows."""
    pets = load_pets("trainval" if split == "train" else split, size=32)
    chosen = torch.tensor([pets.class_names.index(breed) for breed in PET_BREEDS])
    kept = torch.isin(pets.labels, chosen)
    return pets.images[kept], torch.searchsorted(chosen, pets.labels[kept])
