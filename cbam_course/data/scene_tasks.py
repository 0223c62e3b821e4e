"""What the two tasks put into a scene: which shapes, which colours, where, and what is asked."""

from dataclasses import dataclass

import numpy as np

from .draws import Draws
from .shapes import PALETTE, QUARTERS, SHAPES, TURNS, sprites, stamp

COLOURS = np.array(list(PALETTE.values()), dtype=np.int64)
PATCH = 9  # side of the patch that asks, in pixels
DISTANCE = 19  # how far every shape stays away from it, in pixels
CLASSES = {"where": SHAPES, "what": ("disc", "cross", "ring")}
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


def _background(draws: Draws, recipe: Recipe, n: int) -> np.ndarray:
    """Coloured blotches of 8 × 8 pixels."""
    coarse = -(-recipe.size // 8)
    level = draws.between(70, 150, n, 1, 1, 1) + draws.between(-35, 35, n, 3, coarse, coarse)
    full = level.astype(np.uint8).repeat(8, axis=2).repeat(8, axis=3)
    return np.ascontiguousarray(full[:, :, : recipe.size, : recipe.size])


def _shade(draws: Draws, colour: np.ndarray) -> np.ndarray:
    """The colours with these numbers, each varied a little."""
    shades = COLOURS[colour] + draws.between(-25, 25, len(colour), 3)
    return shades.clip(0, 255).astype(np.uint8)


def _add_clutter(draws: Draws, recipe: Recipe, images: np.ndarray) -> None:
    """Little bars in every colour, those of the shapes included."""
    n, steps = len(images), np.arange(_SPECK)
    for _ in range(recipe.clutter):
        height, width = draws.between(1, _SPECK, n), draws.between(1, _SPECK, n)
        masks = (steps[:, None] < height[:, None, None]) & (steps < width[:, None, None])
        corners = draws.below(recipe.size - _SPECK + 1, n, 2)
        stamp(images, masks, corners, _shade(draws, draws.below(len(COLOURS), n)))


def _colours(draws: Draws, recipe: Recipe, n: int) -> np.ndarray:
    """Return the colour number of each shape, int (n, shapes); shape 0 is the one that is asked for."""
    count = recipe.distractors + 1
    if recipe.task == "where":
        return np.concatenate(
            [np.zeros((n, 1), np.int64), draws.between(1, len(COLOURS) - 1, n, count - 1)], 1
        )
    return draws.orders(n, count)


def draw_block(draws: Draws, recipe: Recipe, n: int) -> dict[str, np.ndarray]:
    """Return n scenes: images, and what is known of the shape that is asked for."""
    names = CLASSES[recipe.task]
    smallest, largest = recipe.radius
    table, places, count = sprites(names, smallest, largest), cells(recipe), recipe.distractors + 1
    images = _background(draws, recipe, n)
    _add_clutter(draws, recipe, images)
    kind, colour = draws.below(len(names), n, count), _colours(draws, recipe, n)
    quarters, turn = draws.below(largest - smallest + 1, n, count), draws.below(TURNS, n, count)
    cell = places[draws.orders(n, len(places))[:, :count]]
    jitter = draws.below(cell[..., 2:] - 2 * recipe.reach, n, count, 2)
    masks = np.zeros((n, recipe.size, recipe.size), dtype=bool)
    for i in range(count):
        sprite = table[kind[:, i], quarters[:, i], turn[:, i]]
        painted = stamp(images, sprite, cell[:, i, :2] + jitter[:, i], _shade(draws, colour[:, i]))
        masks = painted if i == 0 else masks
    if recipe.task == "what":
        images[:, :, :PATCH, :PATCH] = _shade(draws, colour[:, 0])[:, :, None, None]
    noisy = images + draws.grain(recipe.noise, *images.shape)
    return {
        "images": noisy.clip(0, 255).astype(np.uint8),
        "labels": kind[:, 0],
        "asked_colour": colour[:, 0],
        "masks": masks,
        "radius": (smallest + quarters[:, 0]).astype(np.float32) / QUARTERS,
    }
