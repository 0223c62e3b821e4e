"""Images and targets, batch by batch, from tensors or from a DataLoader."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader


class TensorBatches:
    """Batches of two tensors, in a fresh order at each pass.

    Args:
        images: (N, C, H, W), uint8 or floating point.
        targets: (N,) class labels or (N, H, W) masks.
        batch_size: images per batch; the last batch may be smaller.
        order: draws the order; ``None`` keeps the given one.
    """

    def __init__(
        self, images: Tensor, targets: Tensor, batch_size: int, order: torch.Generator | None = None
    ):
        self.images, self.targets, self.batch_size, self.order = images, targets, batch_size, order

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.images)
        order = torch.arange(count) if self.order is None else torch.randperm(count, generator=self.order)
        for chosen in order.split(self.batch_size):
            yield self.images[chosen], self.targets[chosen]


def batches(name: str, data: object, batch_size: int, order: torch.Generator | None = None):
    """Return what to iterate over: ``TensorBatches`` for a pair of tensors, a ``DataLoader`` as it is.

    Raises:
        TypeError, ValueError: ``data`` is neither, or its parts do not fit; the message says what to do.
    """
    if isinstance(data, DataLoader):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2 or not all(map(torch.is_tensor, data)):
        raise TypeError(
            f"{name} is a {type(data).__name__}; give a pair of tensors (images, labels) or a DataLoader."
        )
    images, targets = data
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"{name} has images of shape {tuple(images.shape)}; give at least one, as (N, C, H, W)."
        )
    if len(images) != len(targets):
        raise ValueError(
            f"{name} has {len(images)} images and {len(targets)} labels; give one label per image."
        )
    return TensorBatches(images, targets, batch_size, order)
