"""What each of the three questions puts into a scene: which shapes, which colours, where, and what is asked."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .drawing import PALETTE, QUARTERS, SHAPES, TURNS, RandomNumbers, sprites, stamp

COLOURS = np.array(list(PALETTE.values()), dtype=np.int64)
PATCH = 9  # side of the patch that asks, in pixels
DISTANCE = 19  # how far every shape stays away from it, in pixels
CLASSES = {"where": SHAPES, "what": ("disc", "cross", "ring"), "near": ("0", "1", "2", "3", "4", "5")}
# In near: the colours of the flag that counts, of every other flag, of the discs; and of the clutter, the others.
RED, OTHER, DISC, CLUTTER = 0, 5, 2, (1, 3, 4)
GAP = (13, 14)  # pixels from the edge of the largest disc to the middle of a flag
APART = 24  # pixels from a flag's middle to the middle of every other disc, along the longer axis
_SPECK = 4  # longest side of a piece of clutter, in pixels


@dataclass(frozen=True)
class Recipe:
    """The knobs of a scene, as :func:`cbam_course.data.scenes.make_scenes` describes them."""

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
