"""Photographs that ship inside the scikit-image wheel, so that no network is needed."""

import torch
from torch import Tensor
from torch.nn import functional as F

# All three are public domain or CC0 (scikit-image's data/README.txt), and lie in the wheel itself.
PHOTOS = ("chelsea", "astronaut", "coffee")


class PhotosMissing(ImportError):
    """scikit-image is not installed; the message says what to do."""


def load_photo(name: str = "chelsea", size: int | None = None) -> Tensor:
    """Return a colour photograph, uint8 (3, H, W).

    Args:
        name: ``"chelsea"`` (a cat), ``"astronaut"`` (a portrait) or ``"coffee"`` (a cup on a table).
        size: length of the shorter side in pixels after shrinking, at least 8; the full size by default.

    Raises:
        ValueError: unknown name, or a size that is too small or would enlarge the photo.
        PhotosMissing: scikit-image is not installed.
    """
    if name not in PHOTOS:
        raise ValueError(f"name is {name!r}; choose one of {', '.join(map(repr, PHOTOS))}.")
    try:
        from skimage import data
    except ImportError as error:
        raise PhotosMissing(
            "The photographs come with scikit-image; install it: pip install scikit-image"
        ) from error
    photo = torch.from_numpy(getattr(data, name)().copy()).movedim(-1, 0)
    return photo if size is None else _shrink(photo, size)


def _shrink(photo: Tensor, size: int) -> Tensor:
    """Average over areas: every old pixel counts once, so that no pattern appears that was not there."""
    shorter = min(photo.shape[1:])
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= shorter:
        raise ValueError(
            f"size is {size!r}; give a whole number from 8 to {shorter}, this photo's shorter side."
        )
    height, width = (round(side * size / shorter) for side in photo.shape[1:])
    small = F.interpolate(photo[None].float(), size=(height, width), mode="area")[0]
    return small.round().clamp(0, 255).to(torch.uint8)
