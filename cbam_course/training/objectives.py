"""What is minimised and what is reported: for one label per image, and for one mask per image."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Classification:
    """Cross-entropy, and the share of images whose largest logit is the label's."""

    name: str = "accuracy"

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.float(), labels)

    def scores(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return 1 or 0 for each image."""
        return (logits.argmax(1) == labels).float()


@dataclass(frozen=True)
class Segmentation:
    """Binary cross-entropy over pixels, and the mean over images of intersection over union at the threshold ½."""

    name: str = "mean IoU"

    def loss(self, logits: Tensor, masks: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits[:, 0].float(), masks.float())

    def scores(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Return the intersection over union for each image; 1 where both are empty."""
        marked, masks = logits[:, 0] > 0, masks.bool()
        both = (marked & masks).sum((1, 2)).float()
        either = (marked | masks).sum((1, 2)).float()
        return torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(both))


def objective_for(labels: Tensor) -> Classification | Segmentation:
    """Return what fits the labels: (N,) whole numbers are classes, (N, H, W) are masks.

    Raises:
        ValueError: labels of another shape.
    """
    if labels.ndim == 1 and not labels.is_floating_point():
        return Classification()
    if labels.ndim == 3:
        return Segmentation()
    raise ValueError(
        f"labels have the shape {tuple(labels.shape)} and the dtype {labels.dtype}; give class numbers (N,) as "
        "int64, or masks (N, H, W) as bool."
    )
