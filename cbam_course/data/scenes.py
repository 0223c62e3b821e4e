"""Scenes: images made by seeded code, with labels, masks and boxes, and the answer known.

Below stand the recipes: what each of the three questions puts into a scene, which shapes and colours, and where.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..arguments import require_whole
from .drawing import PALETTE, QUARTERS, SHAPES, TURNS, RandomNumbers, sprites, stamp
from .photos import to_float

COLOURS = np.array(list(PALETTE.values()), dtype=np.int64)
PATCH = 9  # side of the patch that asks, in pixels
DISTANCE = 19  # how far every shape stays away from it, in pixels
CLASSES = {"where": SHAPES, "what": ("disc", "cross", "ring"), "near": ("0", "1", "2", "3", "4", "5")}
# In near: the colours of the flag that counts, of every other flag, of the discs; and of the clutter, the others.
RED, OTHER, DISC, CLUTTER = 0, 5, 2, (1, 3, 4)
GAP = (13, 14)  # pixels from the edge of the largest disc to the middle of a flag
APART = 24  # pixels from a flag's middle to the middle of every other disc, along the longer axis
_SPECK = 4  # longest side of a piece of clutter, in pixels
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


@dataclass(frozen=True)
class Recipe:
    """The knobs of a scene, as :func:`make_scenes` describes them."""

    task: str
    size: int
    distractors: int
    radius: tuple[int, int]  # in quarters of a pixel
    noise: int
    clutter: int

    @property
    def reach(self) -> int:
        """Pixels on each side of a shape's middle pixel."""
        return -(-self.radius[1] // QUARTERS)


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
    require_whole("n", n, 1)
    require_whole("seed", seed, 0)
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
    require_whole("seed", seed, 0)
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
    require_whole("size", size, PATCH + DISTANCE + 1 if task == "what" else 8)
    least, most = {"where": (0, 64), "what": (0, len(COLOURS) - 1), "near": (1, len(CLASSES["near"]) - 1)}[
        task
    ]
    require_whole("distractors", distractors, least, most)
    require_whole("noise", noise, 0, 127)
    require_whole("clutter", clutter, 0)
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


def cells(recipe: Recipe) -> np.ndarray:
    """Return the places that can hold one shape each, int (k, 4): row, column, height, width.

    Shapes never overlap, because each has a cell of its own.
    """
    side, size = 2 * recipe.reach + 1, recipe.size
    if recipe.task == "where":
        return _grid(0, 0, size, size, side, most=3 if recipe.distractors < 9 else size)
    # The right-hand strip over the full height, then what is left of the bottom strip.
    start = PATCH + DISTANCE
    right = _grid(0, start, size, size - start, side, most=size)
    bottom = _grid(start, 0, size - start, start, side, most=size)
    return np.concatenate([right, bottom])


def _grid(top: int, left: int, height: int, width: int, side: int, most: int) -> np.ndarray:
    """Cut a rectangle into cells of at least ``side`` pixels, at most ``most`` of them each way."""
    rows, columns = min(most, height // side), min(most, width // side)
    if not rows or not columns:
        return np.empty((0, 4), dtype=np.int64)
    size = height // rows, width // columns
    return np.array(
        [(top + r * size[0], left + c * size[1], *size) for r in range(rows) for c in range(columns)]
    )


def _background(numbers: RandomNumbers, recipe: Recipe, n: int) -> np.ndarray:
    """Coloured blotches of 8 × 8 pixels."""
    coarse = -(-recipe.size // 8)
    level = numbers.between(70, 150, n, 1, 1, 1) + numbers.between(-35, 35, n, 3, coarse, coarse)
    full = level.astype(np.uint8).repeat(8, axis=2).repeat(8, axis=3)
    return np.ascontiguousarray(full[:, :, : recipe.size, : recipe.size])


def _shade(numbers: RandomNumbers, colour: np.ndarray) -> np.ndarray:
    """The colours with these numbers, each varied a little."""
    shades = COLOURS[colour] + numbers.between(-25, 25, len(colour), 3)
    return shades.clip(0, 255).astype(np.uint8)


def _backdrop(numbers: RandomNumbers, recipe: Recipe, n: int) -> np.ndarray:
    """Blotches with little bars on them, in every colour, those of the shapes included.

    In ``near`` no bar has the colour of a disc or of a flag.
    """
    images, steps = _background(numbers, recipe, n), np.arange(_SPECK)
    colours = np.array(CLUTTER if recipe.task == "near" else range(len(COLOURS)))
    for _ in range(recipe.clutter):
        height, width = numbers.between(1, _SPECK, n), numbers.between(1, _SPECK, n)
        masks = (steps[:, None] < height[:, None, None]) & (steps < width[:, None, None])
        corners = numbers.below(recipe.size - _SPECK + 1, n, 2)
        stamp(images, masks, corners, _shade(numbers, colours[numbers.below(len(colours), n)]))
    return images


def _colours(numbers: RandomNumbers, recipe: Recipe, n: int) -> np.ndarray:
    """Return the colour number of each shape, int (n, shapes); shape 0 is the one that is asked for."""
    count = recipe.distractors + 1
    if recipe.task == "where":
        return np.concatenate(
            [np.zeros((n, 1), np.int64), numbers.between(1, len(COLOURS) - 1, n, count - 1)], 1
        )
    return numbers.orders(n, count)


def _draw_shapes(numbers: RandomNumbers, recipe: Recipe, n: int) -> dict[str, np.ndarray]:
    """One shape is asked for: the red one, or the one in the colour of the patch."""
    names = CLASSES[recipe.task]
    smallest, largest = recipe.radius
    table, places, count = sprites(names, smallest, largest), cells(recipe), recipe.distractors + 1
    images = _backdrop(numbers, recipe, n)
    kind, colour = numbers.below(len(names), n, count), _colours(numbers, recipe, n)
    quarters, turn = numbers.below(largest - smallest + 1, n, count), numbers.below(TURNS, n, count)
    cell = places[numbers.orders(n, len(places))[:, :count]]
    jitter = numbers.below(cell[..., 2:] - 2 * recipe.reach, n, count, 2)
    masks = np.zeros((n, recipe.size, recipe.size), dtype=bool)
    for i in range(count):
        sprite = table[kind[:, i], quarters[:, i], turn[:, i]]
        painted = stamp(images, sprite, cell[:, i, :2] + jitter[:, i], _shade(numbers, colour[:, i]))
        masks = painted if i == 0 else masks
    if recipe.task == "what":
        images[:, :, :PATCH, :PATCH] = _shade(numbers, colour[:, 0])[:, :, None, None]
    return {
        "images": _noisy(numbers, recipe, images),
        "labels": kind[:, 0],
        "asked_colour": colour[:, 0],
        "masks": masks,
        "radius": (smallest + quarters[:, 0]).astype(np.float32) / QUARTERS,
    }


def _noisy(numbers: RandomNumbers, recipe: Recipe, images: np.ndarray) -> np.ndarray:
    return (images + numbers.grain(recipe.noise, *images.shape)).clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=8)
def _disc_and_flag(size: int, reach: int) -> np.ndarray:
    """Every place of a disc with a place of its flag inside the image: int16 (k, 4), rows and columns."""
    middle = np.arange(reach, size - reach)
    near, far = (reach + gap for gap in GAP)
    step = np.arange(-far, far + 1)
    rows, columns = (a.ravel() for a in np.meshgrid(step, step, indexing="ij"))
    square = rows * rows + columns * columns
    # Along one axis too, because what a convolution sees is a square.
    around = (square >= near * near) & (square <= far * far) & (np.maximum(abs(rows), abs(columns)) >= near)
    row, column, k = (a.ravel() for a in np.meshgrid(middle, middle, np.arange(around.sum()), indexing="ij"))
    places = np.stack([row, column, row + rows[around][k], column + columns[around][k]], axis=1)
    inside = (places[:, 2:] >= 1) & (places[:, 2:] <= size - 2)
    return places[inside.all(axis=1)].astype(np.int16)


def near_layouts(numbers: RandomNumbers, recipe: Recipe, n: int, tries: int) -> np.ndarray:
    """Return discs and flags that cannot be confused, int (found, discs, 4): rows and columns, disc and flag.

    Layouts are drawn and those that do not fit are dropped, so ``found`` may be less than ``n``.

    Args:
        numbers: where the draws come from.
        recipe: of the task ``near``.
        n: layouts wanted.
        tries: layouts drawn at most.
    """
    places, count = _disc_and_flag(recipe.size, recipe.reach), recipe.distractors + 1
    found, step = [], 8192
    while tries > 0 and sum(map(len, found)) < n and len(places):
        layout = places[numbers.below(len(places), step, count)]
        disc, flag = layout[:, :, None, :2], layout[:, :, None, 2:]
        other = ~np.eye(count, dtype=bool)
        discs_apart = np.abs(disc - disc.swapaxes(1, 2)).max(3) >= 2 * recipe.reach + 2
        flags_apart = np.abs(flag - disc.swapaxes(1, 2)).max(3) >= APART
        fits = ((discs_apart & flags_apart) | ~other).all(axis=(1, 2))
        # Two flags side by side would look like one.
        spread = np.abs(flag - flag.swapaxes(1, 2)).max(3) >= 5
        found.append(layout[fits & (spread | ~other).all(axis=(1, 2))])
        tries -= step
    return np.concatenate(found)[:n].astype(np.int64) if found else np.empty((0, count, 4), np.int64)


def _draw_flags(numbers: RandomNumbers, recipe: Recipe, n: int) -> dict[str, np.ndarray]:
    """Discs, each with a flag at middle distance; asked for are the discs whose flag is red."""
    smallest, largest = recipe.radius
    count, reach = recipe.distractors + 1, recipe.reach
    table = sprites(("disc",), smallest, largest)[0, :, 0]
    layout = near_layouts(numbers, recipe, n, tries=1 << 24)
    images = _backdrop(numbers, recipe, n)
    quarters = numbers.below(largest - smallest + 1, n, count)
    # At least one flag is red and at least one is not.
    red = np.arange(count) < numbers.between(1, count - 1, n)[:, None]
    masks = np.zeros((n, recipe.size, recipe.size), dtype=bool)
    for i in range(count):
        shade = _shade(numbers, np.full(n, DISC))
        painted = stamp(images, table[quarters[:, i]], layout[:, i, :2] - reach, shade)
        masks |= painted & red[:, i, None, None]
    flag = np.ones((n, 3, 3), dtype=bool)
    for i in range(count):
        shade = _shade(numbers, np.where(red[:, i], RED, OTHER))
        stamp(images, flag, layout[:, i, 2:] - 1, shade)
    return {
        "images": _noisy(numbers, recipe, images),
        "labels": red.sum(axis=1),
        "asked_colour": np.full(n, RED),
        "masks": masks,
        "radius": ((smallest + quarters) * red).sum(axis=1).astype(np.float32) / QUARTERS / red.sum(axis=1),
    }


def draw_block(numbers: RandomNumbers, recipe: Recipe, n: int) -> dict[str, np.ndarray]:
    """Return n scenes: images, and what is known of the shapes that are asked for."""
    return (_draw_flags if recipe.task == "near" else _draw_shapes)(numbers, recipe, n)
