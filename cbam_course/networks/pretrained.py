"""The trained network that travels with the course: a ResNet-20 for CIFAR-10 of about one megabyte.

``tools/train_checkpoint.py`` made it with ``fit``; ``results/checkpoint.json`` records the command, the seed, the
versions and the accuracy.
"""

import warnings
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from .resnet import CifarResNet

WEIGHTS = Path(__file__).parent / "weights" / "resnet20_cifar10.safetensors"
SHA256 = "ded20d0a428149cff30e2dbb7cb3477fee48dbc9ff9e46aea8bcff1addd15ab3"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def pretrained_resnet20(path: Path = WEIGHTS, expected: str = SHA256) -> CifarResNet:
    """Return the ResNet-20 trained on CIFAR-10, in ``eval`` mode.

    Its input is what ``to_float`` of :mod:`cbam_course.data.photos` makes of 32×32 images, its output the logits
    of :data:`CLASSES`. Where the file is missing or broken, a warning says so in one sentence and the network
    has fresh weights, so that whatever follows still runs.

    Args:
        path: the safetensors file.
        expected: what the SHA-256 of the file has to be.
    """
    model = CifarResNet(blocks=3, num_classes=len(CLASSES))
    try:
        model.load_state_dict(load_weights(path, expected))
    except (OSError, ValueError) as error:
        warnings.warn(f"{error} The network starts with fresh weights.", stacklevel=2)
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
