"""From stored pixels to what a network reads."""

import torch
from torch import Tensor


def to_float(images: Tensor) -> Tensor:
    """Return images as float32 from -1 (black) to 1 (white); floating-point images come back unchanged.

    ``y = x / 127.5 - 1`` for ``uint8`` x from 0 to 255.
    """
    return images if images.is_floating_point() else images.to(torch.float32).div_(127.5).sub_(1)
