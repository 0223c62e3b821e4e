"""Real photographs that scikit-image carries, no download needed, and what a network reads of stored pixels."""

import torch
from torch import Tensor
from torch.nn import functional as F

# These ship in scikit-image's wheel; its other pictures are downloaded when first asked for.
PHOTOS = {
    "chelsea": "a cat (CC0, Stefan van der Walt)",
    "astronaut": "Eileen Collins (public domain, NASA)",
    "coffee": "a cup of coffee (CC0, Rachel Michetti)",
    "rocket": "a Falcon 9 on its launch pad (CC0, SpaceX)",
}


def load_photo(name: str = "chelsea", size: int | tuple[int, int] | None = None) -> Tensor:
    """Load a photograph as uint8 (3, H, W), red, green, blue.

    Args:
        name: ``"chelsea"``, ``"astronaut"``, ``"coffee"`` or ``"rocket"``.
        size: ``None`` keeps the size; a whole number is the new length of the shorter side in pixels, a pair
            the new height and width.

    Raises:
        ValueError: an unknown name or an impossible size; the message says what to do.
        ModuleNotFoundError: scikit-image is missing; the message says how to install it.
    """
    if name not in PHOTOS:
        raise ValueError(f"name is {name!r}; choose one of {', '.join(map(repr, PHOTOS))}.")
    try:
        from skimage import data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "The photographs come with scikit-image, which is not installed: pip install scikit-image",
            name=error.name,
        ) from None
    photo = torch.from_numpy(getattr(data, name)()[..., :3].copy()).permute(2, 0, 1).contiguous()
    return photo if size is None else resize_photo(photo, size)


def resize_photo(photo: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Return the photograph uint8 (3, H, W) in another size, averaged where it shrinks.

    Args:
        photo: uint8 (3, H, W).
        size: the new length of the shorter side in pixels, or the new height and width.

    Raises:
        ValueError: an impossible size.
    """
    height, width = photo.shape[1:]
    if isinstance(size, int) and not isinstance(size, bool):
        shorter = min(height, width)
        size = (round(height * size / shorter), round(width * size / shorter))
    if not isinstance(size, tuple) or len(size) != 2 or not all(isinstance(s, int) and s > 0 for s in size):
        raise ValueError(f"size is {size!r}; give whole numbers of at least 1: 224, or (200, 300).")
    resized = F.interpolate(photo[None].float(), size, mode="bilinear", antialias=True, align_corners=False)
    return resized[0].round().clamp(0, 255).to(torch.uint8)


def to_float(images: Tensor) -> Tensor:
    """Return images as float32 from -1 (black) to 1 (white); floating-point images come back unchanged.

    ``y = x / 127.5 - 1`` for ``uint8`` x from 0 to 255.
    """
    return images if images.is_floating_point() else images.to(torch.float32).div_(127.5).sub_(1)
