"""Trained networks, their weights checked by hash: those that travel with the course, and torchvision's.

The ResNet-20 for CIFAR-10 is about one megabyte. ``tools/train_checkpoint.py`` made it with ``fit``;
``results/checkpoint.json`` records the command, the seed, the versions and the accuracy. The networks for scenes, 80
kilobytes each, are runs of registered experiments that ``tools/train_shipped.py`` made again; their record is
``results/shipped.json``. Where weights are missing, a warning says so in one sentence and the network starts with
fresh ones.
"""

import io
import re
import warnings
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from ..attention import CBAM, ChannelAttention, SpatialAttention
from ..data.cifar10 import CLASS_NAMES
from ..data.download import DataNotFound, fetch, first_of, read_checked
from .resnet import CifarResNet
from .small_cnn import AttentionFactory, DenseCNN

WEIGHTS = Path(__file__).parent / "weights" / "resnet20_cifar10.safetensors"
SHA256 = "ded20d0a428149cff30e2dbb7cb3477fee48dbc9ff9e46aea8bcff1addd15ab3"
# The networks for scenes: file beside WEIGHTS -> SHA-256.
SHIPPED = {
    "near-cbam.safetensors": "fe574d6f5f056b7fd5df32132b9066087423ea9a24ad2572d6f9beb060acc003",
    "near-channel.safetensors": "8a7bdcb9bf2318f04eb14c44d3104e74a3df14e19a90dbf33e90d4da8c18ab02",
    "near-plain.safetensors": "cb3b1e175acd60f1a87f2674c67b317c5fea0640930b905abb86bc409e2ec8f1",
    "near-spatial.safetensors": "87ed16414f4f3b18bbe22826acd48d31782c1424e2ae23286ea11e4b5bfdc272",
    "what-cbam.safetensors": "e116ca68a3a082cf913bddc3e4b9e26841e2617ebf22159f3f7c79b3957ebe53",
    "what-channel.safetensors": "91e2e3b0c41195d59ffae427a545df141e29f34dd21d263de661c5d8aaf3ffea",
    "what-plain.safetensors": "dc5208231e3b4ac34d52e5eb84f89d1842d213c6cd7fd0f7f2ca8e947dc8d6a1",
    "what-spatial.safetensors": "ba799e7ab5737c7a3da0ba8df9caa21dc7936881126a23e4ed410e0ec514244d",
}
_ATTENTION: dict[str, AttentionFactory | None] = {
    "plain": None,
    "channel": lambda channels: ChannelAttention(channels, 4),
    "spatial": lambda channels: SpatialAttention(),
    "cbam": lambda channels: CBAM(channels, 4),
}
# A file of torchvision's weights ends its name with the first digits of its SHA-256: resnet18-f37072fd.pth
_NAMED_HASH = re.compile(r"-([0-9a-f]{8,})\.")


def pretrained_resnet20(path: Path = WEIGHTS, expected: str = SHA256) -> CifarResNet:
    """Return the ResNet-20 trained on CIFAR-10, in ``eval`` mode.

    Its input is what ``to_float`` of :mod:`cbam_course.data.photos` makes of 32×32 images, its output the logits
    of :data:`cbam_course.data.cifar10.CLASS_NAMES`. Where the file is missing or broken, a warning says so in one
    sentence and the network has fresh weights, so that whatever follows still runs.

    Args:
        path: the safetensors file.
        expected: what the SHA-256 of the file has to be.
    """
    model = CifarResNet(blocks=3, num_classes=len(CLASS_NAMES))
    try:
        model.load_state_dict(load_weights(path, expected))
    except (OSError, ValueError) as error:
        warnings.warn(f"{error} The network starts with fresh weights.", stacklevel=2)
    return model.eval()


def trained_near(model_name: str, folder: Path = WEIGHTS.parent) -> DenseCNN:
    """Return a network trained to mark the discs with a red flag (scenes of the task ``near``), in ``eval`` mode.

    It is the run with seed 21 of the experiment ``near-long``: twenty epochs, the learning rate of its own tuning.
    Where the file is missing or broken, a warning says so in one sentence and the network has fresh weights.

    Args:
        model_name: ``"plain"``, ``"channel"``, ``"spatial"`` or ``"cbam"``.
        folder: where the safetensors file lies.

    Raises:
        ValueError: there is no network of this name.
    """
    return _trained("near", model_name, folder)


def trained_what(model_name: str, folder: Path = WEIGHTS.parent) -> DenseCNN:
    """Return a network trained to mark the shape asked for (scenes of the task ``what``), in ``eval`` mode.

    It is the run with seed 21 of the experiment ``what-dense``: ten epochs, the learning rate of its own tuning. See
    :func:`trained_near` for the arguments and for what happens without the file.
    """
    return _trained("what", model_name, folder)


def _trained(task: str, model_name: str, folder: Path) -> DenseCNN:
    if model_name not in _ATTENTION:
        raise ValueError(f"model_name is {model_name!r}; choose one of {', '.join(map(repr, _ATTENTION))}.")
    model, file = DenseCNN(attention=_ATTENTION[model_name]), f"{task}-{model_name}.safetensors"
    try:
        model.load_state_dict(load_weights(folder / file, SHIPPED[file]))
    except (OSError, ValueError) as error:
        warnings.warn(f"{error} The network starts with fresh weights.", stacklevel=3)
    return model.eval()


def load_weights(path: Path, expected: str) -> dict[str, Tensor]:
    """Return the tensors in the safetensors file if its SHA-256 is the expected one.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not the file that was expected.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OSError(
            f"{path} cannot be read ({error.strerror}); install the course again to get it back."
        ) from None
    found = sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} has the SHA-256 {found[:12]}… where {expected[:12]}… is expected, so it is damaged or "
            "was exchanged; install the course again to get it back."
        )
    try:
        return load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file ({error}); give one that is.") from None


def imagenet_network(name: str = "resnet18", *, download: bool = True) -> nn.Module:
    """Return a network of torchvision with its newest ImageNet weights, in ``eval`` mode.

    Where the weights cannot be found, a warning says so in one sentence and the network has fresh
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
        model.load_state_dict(_imagenet_weights(url, download))
    except DataNotFound as reason:
        warnings.warn(f"{reason} The network starts with fresh weights.", stacklevel=2)
    return model.eval()


def _imagenet_weights(url: str, download: bool) -> dict:
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
