"""Drawing with whole numbers only, so that every platform and every numpy makes the same bytes.

Random numbers, small rotated shapes, and how to stamp them onto images.
"""

from functools import lru_cache
from math import cos, pi, sin

import numpy as np

SHAPES = ("disc", "square", "triangle", "cross", "ring")
TURNS = 32  # directions a shape can point in
QUARTERS = 4  # radii come in quarters of a pixel
_UNIT = 4096  # a length of 1 in fixed-point arithmetic

PALETTE = {
    "red": (215, 50, 45),
    "green": (60, 170, 70),
    "blue": (55, 95, 215),
    "yellow": (225, 195, 50),
    "magenta": (190, 70, 190),
    "cyan": (60, 190, 200),
}


class RandomNumbers:
    """A stream of whole numbers made from the raw output of PCG64.

    numpy promises that a bit generator's raw words never change, and promises nothing of the kind for
    ``Generator.integers`` or ``Generator.normal`` (NEP 19). Everything below is integer arithmetic on those
    words, so the same key gives the same bytes everywhere.

    Args:
        key: whole numbers of at least 0 that name the stream; different keys give independent streams.
    """

    def __init__(self, *key: int):
        self._source = np.random.PCG64(np.random.SeedSequence(key))

    def words(self, *shape: int) -> np.ndarray:
        """Return uint64 words, uniform over all 64-bit numbers."""
        return self._source.random_raw(int(np.prod(shape))).reshape(shape)

    def below(self, limit: int | np.ndarray, *shape: int) -> np.ndarray:
        """Return int64 numbers from 0 to ``limit - 1``; ``limit`` is a number or an array that fits ``shape``."""
        high = self.words(*shape) >> np.uint64(32)
        return ((high * np.asarray(limit, dtype=np.uint64)) >> np.uint64(32)).astype(np.int64)

    def between(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Return int64 numbers from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1, *shape)

    def orders(self, rows: int, length: int) -> np.ndarray:
        """Return one random order of 0 … length-1 per row, int64 (rows, length)."""
        return np.argsort(self.words(rows, length), axis=1, kind="stable")

    def grain(self, amplitude: int, *shape: int) -> np.ndarray:
        """Return int16 noise from ``-amplitude`` to ``amplitude``, small values likelier than large ones.

        The two halves of one byte are added, which gives a triangle-shaped distribution, cheaply.
        """
        count = int(np.prod(shape))
        octets = self.words((count + 7) // 8).astype("<u8").view(np.uint8)[:count].reshape(shape)
        table = np.array([((b >> 4) + (b & 15) - 15) * amplitude // 15 for b in range(256)], dtype=np.int16)
        return table[octets]


def _inside(shape: str, u: np.ndarray, v: np.ndarray, r: int) -> np.ndarray:
    """Which points (u, v) lie in the shape of radius r, all in the same fixed-point unit."""
    square_distance = u * u + v * v
    if shape == "disc":
        return square_distance <= r * r
    if shape == "ring":
        return (square_distance <= r * r) & (4 * square_distance >= r * r)
    if shape == "square":
        return 100 * np.maximum(abs(u), abs(v)) <= 80 * r
    if shape == "triangle":
        # Three edges at the distance r / 2 from the middle; 3547 / 2048 is the square root of 3.
        return (2 * v >= -r) & (v * 2048 + abs(u) * 3547 <= 2048 * r)
    arms = (10 * abs(u) <= 3 * r) | (10 * abs(v) <= 3 * r)
    return arms & (np.maximum(abs(u), abs(v)) <= r)


@lru_cache(maxsize=16)
def sprites(shapes: tuple[str, ...], smallest: int, largest: int) -> np.ndarray:
    """Return every shape at every radius and turn, as masks.

    Args:
        shapes: names out of ``SHAPES``.
        smallest, largest: radii in quarters of a pixel.

    Shape:
        bool (shapes, radii, turns, side, side) with an odd side, the shape's middle in the middle pixel.
    """
    half = -(-largest // QUARTERS)
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.int64)
    table = np.zeros((len(shapes), largest - smallest + 1, TURNS, 2 * half + 1, 2 * half + 1), dtype=bool)
    for turn in range(TURNS):
        # Rounding to 1/4096 absorbs the last-digit differences between mathematical libraries.
        c, s = round(_UNIT * cos(2 * pi * turn / TURNS)), round(_UNIT * sin(2 * pi * turn / TURNS))
        u, v = x * c + y * s, y * c - x * s
        for i, shape in enumerate(shapes):
            for quarters in range(smallest, largest + 1):
                table[i, quarters - smallest, turn] = _inside(shape, u, v, quarters * _UNIT // QUARTERS)
    table.flags.writeable = False
    return table


def stamp(images: np.ndarray, masks: np.ndarray, corners: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Paint one mask onto each image, in place, and return where it lies.

    Args:
        images: uint8 (n, 3, s, s), changed.
        masks: bool (n, side, side).
        corners: int (n, 2), row and column of each mask's first pixel.
        colours: uint8 (n, 3).

    Shape:
        bool (n, s, s), true where the mask was painted.
    """
    image, row, column = np.nonzero(masks)
    row, column = row + corners[image, 0], column + corners[image, 1]
    images[image, :, row, column] = colours[image]
    where = np.zeros((len(images), *images.shape[2:]), dtype=bool)
    where[image, row, column] = True
    return where
