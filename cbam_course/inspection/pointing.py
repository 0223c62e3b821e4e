"""Does a map point at the object?"""

from torch import Tensor
from torch.nn import functional as F


def pointing_rate(maps: Tensor, masks: Tensor) -> float:
    """Return the share of images, from 0 to 1, whose brightest pixel of the map lies on the mask.

    Equally bright pixels share the hit. The rate means little without three others beside it: chance (the masks'
    mean), a map that always points at the middle, and the maps of other images (``maps.roll(1, 0)``).

    Args:
        maps: (N, h, w), floating point; a smaller map is enlarged to the size of the masks, pixel by pixel.
        masks: bool (N, H, W), true on the object.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> import torch
        >>> from cbam_course.inspection.pointing import pointing_rate
        >>> maps = torch.tensor([[[9.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 9.0]]])
        >>> pointing_rate(maps, masks=maps > 5), pointing_rate(maps.roll(1, 0), masks=maps > 5)
        (1.0, 0.0)

    Source: the pointing game of Zhang et al.: "Top-down Neural Attention by Excitation Backprop", ECCV 2016.
    """
    if maps.ndim != 3 or masks.ndim != 3 or len(maps) != len(masks):
        raise ValueError(
            f"maps have the shape {tuple(maps.shape)} and masks {tuple(masks.shape)}; give (N, h, w) and (N, H, W)."
        )
    large = F.interpolate(maps[:, None], size=masks.shape[1:], mode="nearest")[:, 0]
    best = large == large.amax(dim=(1, 2), keepdim=True)
    return ((best & masks).sum((1, 2)) / best.sum((1, 2))).mean().item()
