"""Batches from tensors or from a DataLoader, as floating-point images on the right device."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from .precision import Setting

Data = tuple[Tensor, Tensor] | DataLoader


def check_data(name: str, data: Data) -> None:
    """Raise ``TypeError`` or ``ValueError`` in one sentence if this is no pair of tensors and no DataLoader."""
    if isinstance(data, DataLoader):
        return
    pair = isinstance(data, (tuple, list)) and len(data) == 2 and all(isinstance(d, Tensor) for d in data)
    if not pair:
        raise TypeError(
            f"{name} is {type(data).__name__}; give (images, labels) as two tensors, or a DataLoader."
        )
    images, labels = data
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(
            f"{name} has {len(images)} images and {len(labels)} labels; give as many of each, at least 1."
        )
    if images.ndim != 4:
        raise ValueError(f"{name} has images of the shape {tuple(images.shape)}; give (N, C, H, W).")


def labels_of(data: Data) -> Tensor:
    """Return some labels, to see of which kind they are."""
    return next(iter(data))[1] if isinstance(data, DataLoader) else data[1]


def count_batches(data: Data, batch_size: int) -> int:
    return len(data) if isinstance(data, DataLoader) else -(-len(data[0]) // batch_size)


def batches(
    data: Data, batch_size: int, generator: torch.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (images, labels); tensors are shuffled with the generator, or taken in order without one."""
    if isinstance(data, DataLoader):
        yield from data
        return
    images, labels = data
    order = (
        torch.arange(len(images)) if generator is None else torch.randperm(len(images), generator=generator)
    )
    for chosen in order.split(batch_size):
        yield images[chosen.to(images.device)], labels[chosen.to(labels.device)]


def prepare(images: Tensor, labels: Tensor, setting: Setting) -> tuple[Tensor, Tensor]:
    """Move a batch to the device; uint8 images become float32 in [−1, 1], as ``Scenes.inputs`` makes them."""
    images = images.to(setting.device, non_blocking=True)
    if not images.is_floating_point():
        images = images.float() / 127.5 - 1
    images = images.contiguous(memory_format=setting.memory_format)
    return images, labels.to(setting.device, non_blocking=True)
