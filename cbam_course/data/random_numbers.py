"""Random whole numbers that are the same on every platform and with every numpy."""

import numpy as np


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
