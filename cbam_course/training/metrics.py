"""Losses and scores for classes and for masks."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]
Metric = Callable[[Tensor, Tensor], Tensor]


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 for each image whose largest logit is that of its label, else 0; float (N,)."""
    return (logits.argmax(dim=1) == labels).float()


def mean_iou(logits: Tensor, masks: Tensor) -> Tensor:
    """Return each image's intersection over union of the marked pixels (logit above 0) and the mask; float (N,).

    An image with neither marked pixels nor a mask scores 1.

    Example:
        >>> import torch
        >>> from cbam_course.training.metrics import mean_iou
        >>> mean_iou(torch.tensor([[[2.0, 2.0, -2.0]]]), torch.tensor([[[True, False, False]]]))
        tensor([0.5000])
    """
    marked, masks = logits.flatten(1) > 0, masks.flatten(1).bool()
    union = (marked | masks).sum(dim=1)
    return torch.where(union == 0, 1.0, (marked & masks).sum(dim=1) / union.clamp(min=1))


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross entropy of classes."""
    return F.cross_entropy(logits.float(), labels)


def mask_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Return the mean binary cross entropy of pixels plus the mean soft Dice loss of images.

    The object covers a few per cent of the pixels, and in the mean over pixels it counts no more than that. Dice
    counts what is marked against what should be (Milletari et al. 2016, section 3).
    """
    logits, masks = logits.float().flatten(1), masks.float().flatten(1)
    probability = logits.sigmoid()
    overlap = 2 * (probability * masks).sum(dim=1) + 1
    dice = overlap / (probability.sum(dim=1) + masks.sum(dim=1) + 1)
    return F.binary_cross_entropy_with_logits(logits, masks) + (1 - dice).mean()


def defaults_for(targets: Tensor) -> tuple[Loss, Metric]:
    """Choose cross entropy and accuracy for class labels (N,), mask loss and mean IoU for masks (N, H, W)."""
    return (cross_entropy, accuracy) if targets.ndim == 1 else (mask_loss, mean_iou)
