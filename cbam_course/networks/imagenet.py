"""Networks of torchvision that were trained on ImageNet, checked by hash, or untrained with a sentence."""

import io
import re
import warnings
from pathlib import Path

import torch
from torch import nn

from ..data.download import DataNotFound, fetch, first_of, read_checked

# A file of torchvision's weights ends its name with the first digits of its SHA-256: resnet18-f37072fd.pth
_NAMED_HASH = re.compile(r"-([0-9a-f]{8,})\.")


def imagenet_network(name: str = "resnet18", *, download: bool = True) -> nn.Module:
    """Return a network of torchvision with its newest ImageNet weights, in ``eval`` mode.

    Where the weights can be had from nowhere, a warning says so in one sentence and the network has fresh
    weights, so that whatever follows still runs.

    Args:
        name: a classification network of torchvision, such as ``"resnet18"`` or ``"mobilenet_v3_small"``.
        download: go to the network when the weights are not on this computer.

    Raises:
        ValueError: torchvision has no network of this name, or no weights for it.
    """
    from torchvision import models

    try:
        url = models.get_model_weights(name).DEFAULT.url
    except (ValueError, AttributeError):
        raise ValueError(f"name is {name!r}; choose a network of torchvision, such as 'resnet18'.") from None
    model = models.get_model(name, weights=None)
    try:
        model.load_state_dict(_weights(url, download))
    except DataNotFound as reason:
        warnings.warn(f"{reason} The network starts with fresh weights.", stacklevel=2)
    return model.eval()


def _weights(url: str, download: bool) -> dict:
    # Where torch.hub keeps its files, so that neither fetches what the other has.
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    digits = _NAMED_HASH.search(path.name)
    checksum = f"sha256:{digits.group(1) if digits else ''}"

    def here() -> dict:
        try:
            content = read_checked(path, checksum)
        except ValueError:  # fetched again
            raise FileNotFoundError(path) from None
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)

    def server() -> dict:
        fetch(url, path, checksum)
        return here()

    sources = {"this computer": here, **({"the server of PyTorch": server} if download else {})}
    return first_of(path.name, sources, cure=f"put the file into {path.parent}.")
