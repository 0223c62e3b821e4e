"""Scenes: images made by seeded code, with labels, masks and boxes, and the answer known."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .drawing import PALETTE, QUARTERS, RandomNumbers
from .photos import to_float
from .scene_recipes import CLASSES, COLOURS, DISTANCE, PATCH, Recipe, cells, draw_block, near_layouts

_DEFAULTS = {
    "where": {"size": 48, "distractors": 4, "radius": (4, 6)},
    "what": {"size": 48, "distractors": 2, "radius": (4.5, 6.5)},
    "near": {"size": 64, "distractors": 2, "radius": (4, 4.75)},
}
# Images are drawn in blocks with a stream each: the first 10 of 1,000 scenes are the 10 scenes of n=10.
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes with their answers; n images of s × s pixels.

    Args:
        images: uint8 (n, 3, s, s), red, green, blue.
        labels: int64 (n,), the number of the asked shape in ``class_names``; in ``near`` the number of red flags.
        masks: bool (n, s, s), true on the pixels of what is asked for.
        boxes: int64 (n, 4), left, top, right, bottom of the mask in pixels; right and bottom are just outside.
        radius: float32 (n,), radius of the asked shape in pixels; in ``near`` the mean over the asked discs.
        asked_colour: int64 (n,), the number in ``colour_names`` of the colour that decides: that of the asked
            shape, in ``near`` that of its flag, red.
        task: ``"where"``, ``"what"`` or ``"near"``.
        class_names: the names that labels count.
        colour_names: the names that colours count.
    """

    images: Tensor
    labels: Tensor
    masks: Tensor
    boxes: Tensor
    radius: Tensor
    asked_colour: Tensor
    task: str
    class_names: tuple[str, ...]
    colour_names: tuple[str, ...] = tuple(PALETTE)

    def __len__(self) -> int:
        return len(self.images)

    def inputs(self) -> Tensor:
        """Return the images as a network reads them: float32 (n, 3, s, s) from -1 to 1."""
        return to_float(self.images)

    @property
    def classification(self) -> tuple[Tensor, Tensor]:
        """The pair ``(images, labels)`` that ``fit`` takes."""
        return self.images, self.labels

    @property
    def dense(self) -> tuple[Tensor, Tensor]:
        """The pair ``(images, masks)`` that ``fit`` takes to train a network that marks pixels."""
        return self.images, self.masks


def make_scenes(
    n: int,
    *,
    task: str = "where",
    size: int | None = None,
    seed: int = 0,
    distractors: int | None = None,
    radius: tuple[float, float] | None = None,
    noise: int = 40,
    clutter: int = 16,
) -> Scenes:
    """Make n scenes: small rotated shapes on noisy coloured clutter.

    ``"where"``: the red shape is the target, the others have other colours; the label is its shape (of 5).
    ``"what"``: all shapes differ in colour, and the patch in the top left corner has the colour of the one
    that is asked for; the label is its shape (of 3). Shapes stay at least 19 pixels away from the patch.
    ``"near"``: several blue discs, each with a flag of 3 × 3 pixels that begins 13 to 15 pixels beyond its outermost
    pixel and stands farther from every other disc; asked for are the discs whose flag is red (the others are cyan),
    at least one and never all; the label is their number.

    Args:
        n: number of scenes, at least 1.
        task: ``"where"``, ``"what"`` or ``"near"``.
        size: side of the image in pixels, 48 (``"near"``: 64) when left out; too small a side for the shapes is
            refused.
        seed: whole number of at least 0; the same seed gives the same bytes everywhere, another seed gives
            other scenes.
        distractors: number of shapes beside the first one; 4 (where) or 2 (what, near) when left out.
        radius: smallest and largest radius in pixels, in quarters of a pixel; (4, 6), (4.5, 6.5) or (4, 4.75).
        noise: largest change of a pixel by noise, in grey levels from 0 to 127.
        clutter: number of little coloured bars in the background.

    Raises:
        TypeError, ValueError: an argument is impossible; the message says what to do.
    """
    recipe = _recipe(task, size, distractors, radius, noise, clutter)
    _require_whole("n", n, 1)
    _require_whole("seed", seed, 0)
    kind = list(CLASSES).index(task)
    blocks = [draw_block(RandomNumbers(seed, kind, b), recipe, _BLOCK) for b in range(-(-n // _BLOCK))]
    parts = {name: torch.from_numpy(np.concatenate([b[name] for b in blocks])[:n]) for name in blocks[0]}
    return Scenes(**parts, boxes=_boxes(parts["masks"]), task=task, class_names=CLASSES[task])


def scene_splits(
    n: int, *, task: str = "where", seed: int = 0, validation: int = 500, test: int = 2000, **knobs
) -> tuple[Scenes, Scenes, Scenes]:
    """Make three disjoint sets: train, validation, test.

    The three are drawn with the seeds ``3 * seed``, ``3 * seed + 1`` and ``3 * seed + 2``, so no two of them
    share a scene, nor do the sets of two different seeds.

    Args:
        n, validation, test: number of scenes in each set.
        task, seed: see :func:`make_scenes`.
        knobs: further arguments of :func:`make_scenes`.
    """
    _require_whole("seed", seed, 0)
    counts = (n, validation, test)
    train, held_out, final = (
        make_scenes(count, task=task, seed=3 * seed + i, **knobs) for i, count in enumerate(counts)
    )
    return train, held_out, final


def _boxes(masks: Tensor) -> Tensor:
    columns, rows = masks.any(dim=1).int(), masks.any(dim=2).int()
    size = masks.shape[-1]
    first = [line.argmax(dim=1) for line in (columns, rows)]
    last = [size - line.flip(1).argmax(dim=1) for line in (columns, rows)]
    return torch.stack([*first, *last], dim=1)


def _recipe(task, size, distractors, radius, noise, clutter) -> Recipe:
    if task not in CLASSES:
        raise ValueError(f"task is {task!r}; choose 'where', 'what' or 'near'.")
    size = _DEFAULTS[task]["size"] if size is None else size
    distractors = _DEFAULTS[task]["distractors"] if distractors is None else distractors
    radius = _DEFAULTS[task]["radius"] if radius is None else radius
    _require_whole("size", size, PATCH + DISTANCE + 1 if task == "what" else 8)
    least, most = {"where": (0, 64), "what": (0, len(COLOURS) - 1), "near": (1, len(CLASSES["near"]) - 1)}[
        task
    ]
    _require_whole("distractors", distractors, least, most)
    _require_whole("noise", noise, 0, 127)
    _require_whole("clutter", clutter, 0)
    recipe = Recipe(task, size, distractors, _quarters(radius), noise, clutter)
    _require_room(recipe)
    return recipe


def _quarters(radius) -> tuple[int, int]:
    if not isinstance(radius, tuple | list) or len(radius) != 2 or not 2 <= radius[0] <= radius[1]:
        raise ValueError(
            f"radius is {radius!r}; give the smallest and the largest in pixels, at least 2, such as (4, 6)."
        )
    return round(radius[0] * QUARTERS), round(radius[1] * QUARTERS)


def _has_room(recipe: Recipe) -> bool:
    if recipe.task == "near":
        # Layouts are found by trying: where one in 32,000 fits, a block of scenes takes seconds.
        return len(near_layouts(RandomNumbers(0), recipe, 8, tries=1 << 18)) == 8
    return len(cells(recipe)) > recipe.distractors


def _require_room(recipe: Recipe) -> None:
    if not _has_room(recipe):
        raise ValueError(
            f"size is {recipe.size}, which has no room for {recipe.distractors + 1} shapes with a radius of "
            f"{recipe.radius[1] / QUARTERS:g} (task {recipe.task!r}); give a larger size, fewer distractors or "
            "a smaller radius."
        )


def _require_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); give a whole number.")
    if value < least or (most is not None and value > most):
        bound = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {value}; give a whole number {bound}.")
