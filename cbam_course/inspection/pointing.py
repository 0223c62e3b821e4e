"""Does a map point at the object? Three measures, and the baselines that any such number has to be read beside."""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from ..statistics import mean_interval


def pointing_rate(maps: Tensor, masks: Tensor, *, tolerance: int = 0) -> float:
    """Return the share of images, from 0 to 1, whose brightest pixel of the map lies on the mask.

    The mean of :func:`pointing_hits`. It means little without the baselines of :func:`pointing_table` beside it.

    Args:
        maps, masks, tolerance: as in :func:`pointing_hits`.

    Example:
        >>> import torch
        >>> from cbam_course.inspection.pointing import pointing_rate
        >>> maps = torch.tensor([[[9.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 9.0]]])
        >>> pointing_rate(maps, masks=maps > 5), pointing_rate(maps.roll(1, 0), masks=maps > 5)
        (1.0, 0.0)
    """
    return pointing_hits(maps, masks, tolerance=tolerance).mean().item()


def pointing_hits(maps: Tensor, masks: Tensor, *, tolerance: int = 0) -> Tensor:
    """Return 1 for each image whose brightest pixel of the map lies on the mask, else 0; float (N,).

    Equally bright pixels share the hit.

    Args:
        maps: (N, h, w), floating point; a smaller map is enlarged to the size of the masks, pixel by pixel.
        masks: bool (N, H, W), true on the object.
        tolerance: a pixel that is at most so many pixels away from the object, up, down, sideways or diagonally,
            counts as on it.

    Raises:
        ValueError: the shapes do not fit, or the tolerance is negative.

    Source: the pointing game of Zhang et al.: "Top-down Neural Attention by Excitation Backprop", ECCV 2016, with a
    tolerance of 15 pixels on photographs of about 500.
    """
    large = _enlarged(maps, masks)
    if tolerance < 0:
        raise ValueError(f"tolerance is {tolerance}; give a number of pixels of at least 0.")
    near = F.max_pool2d(masks[:, None].float(), 2 * tolerance + 1, stride=1, padding=tolerance)[:, 0] > 0
    best = large == large.amax(dim=(1, 2), keepdim=True)
    return (best & near).sum(dim=(1, 2)) / best.sum(dim=(1, 2))


def energy_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the share of each map's sum that lies inside the mask, float (N,) from 0 to 1.

    The map is shifted first so that its smallest value is 0, because a gate is never 0; a constant map counts as
    spread evenly.

    Args:
        maps, masks: as in :func:`pointing_hits`.

    Source: the energy-based pointing game of Wang et al.: "Score-CAM", CVPR Workshops 2020, section 4.3.
    """
    large = _enlarged(maps, masks)
    lifted = large - large.amin(dim=(1, 2), keepdim=True)
    lifted = torch.where(lifted.amax(dim=(1, 2), keepdim=True) > 0, lifted, torch.ones_like(lifted))
    return (lifted * masks).sum(dim=(1, 2)) / lifted.sum(dim=(1, 2))


def overlap(maps: Tensor, masks: Tensor, *, threshold: float = 0.5) -> Tensor:
    """Return each image's intersection over union of the mask and the bright part of the map, float (N,).

    A pixel is bright when it lies at least ``threshold`` of the way from the map's smallest to its largest value.

    Args:
        maps, masks: as in :func:`pointing_hits`.
        threshold: from 0 (every pixel) to 1 (the brightest alone).

    Source: the segmentation by threshold of Zhou et al.: "Learning Deep Features for Discriminative Localization",
    CVPR 2016, section 3.2, which takes 0.2 of the maximum.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; give a number from 0 to 1.")
    large = _enlarged(maps, masks)
    low, high = large.amin(dim=(1, 2), keepdim=True), large.amax(dim=(1, 2), keepdim=True)
    bright = large >= low + threshold * (high - low)
    return (bright & masks).sum(dim=(1, 2)) / (bright | masks).sum(dim=(1, 2))


def centre_maps(masks: Tensor) -> Tensor:
    """Return for each mask the same map, brightest in the middle of the image and falling off evenly, (N, H, W)."""
    _, height, width = masks.shape
    rows = torch.linspace(-1, 1, height, device=masks.device).square()
    columns = torch.linspace(-1, 1, width, device=masks.device).square()
    # A standard deviation of a quarter of the image's side.
    return torch.exp(-2 * (rows[:, None] + columns)).expand(masks.shape)


def pointing_table(
    maps: Mapping[str, Tensor],
    masks: Tensor,
    untrained: Mapping[str, Tensor],
    *,
    tolerance: int = 0,
    threshold: float = 0.5,
) -> pd.DataFrame:
    """Return the three measures of every kind of map, each beside the baselines without which it says nothing.

    Beside the map itself (``source`` ``"own"``) stand ``"another image's"`` (the map of the image before, on this
    image's mask), ``"random weights"``, and once for all ``"centre"`` (:func:`centre_maps`) and ``"chance"``
    (a map that is the same everywhere).

    Args:
        maps: name -> maps (N, h, w) of N images.
        masks: bool (N, H, W).
        untrained: for each of these names the maps of the same network with random weights.
        tolerance: of :func:`pointing_hits`.
        threshold: of :func:`overlap`.

    Returns:
        Columns ``map``, ``source``, ``measure`` (``"pointing"``, ``"energy"`` or ``"overlap"``), ``mean``, the 95 %
        t interval over images ``low`` and ``high``, ``images``, ``tolerance``, ``threshold``.

    Raises:
        ValueError: a kind of map has no untrained counterpart, there are fewer than two images, or shapes do not fit.
    """
    if maps.keys() != untrained.keys() or len(masks) < 2:
        raise ValueError(
            f"maps has {', '.join(maps)}, untrained has {', '.join(untrained)}, and there are {len(masks)} masks; "
            "give both for every kind of map, of at least two images."
        )
    rows = []
    for (name, source), values in _with_baselines(maps, masks, untrained).items():
        scores = {
            "pointing": pointing_hits(values, masks, tolerance=tolerance),
            "energy": energy_inside(values, masks),
            "overlap": overlap(values, masks, threshold=threshold),
        }
        for measure, score in scores.items():
            found = mean_interval(score.cpu())._asdict()
            knobs = {"images": len(masks), "tolerance": tolerance, "threshold": threshold}
            rows.append({"map": name, "source": source, "measure": measure, **found, **knobs})
    return pd.DataFrame(rows)


def _with_baselines(
    maps: Mapping[str, Tensor], masks: Tensor, untrained: Mapping[str, Tensor]
) -> dict[tuple[str, str], Tensor]:
    """Return the maps and what they have to be compared with, by name and source."""
    kinds = {
        ("any", "centre"): centre_maps(masks),
        ("any", "chance"): torch.ones(masks.shape, device=masks.device),
    }
    for name, values in maps.items():
        kinds |= {
            (name, "own"): values,
            (name, "another image's"): values.roll(1, 0),
            (name, "random weights"): untrained[name],
        }
    return kinds


def _enlarged(maps: Tensor, masks: Tensor) -> Tensor:
    if maps.ndim != 3 or masks.ndim != 3 or len(maps) != len(masks):
        raise ValueError(
            f"maps have the shape {tuple(maps.shape)} and masks {tuple(masks.shape)}; give (N, h, w) and (N, H, W)."
        )
    return F.interpolate(maps[:, None], size=masks.shape[1:], mode="nearest")[:, 0]
