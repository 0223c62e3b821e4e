"""CIFAR-10: a copy on this computer first, then the Hugging Face hub, then the original server."""

import os
from io import BytesIO

import numpy as np
import torch
from torch import Tensor

from .download import fetch
from .sources import DataNotFound, data_folders, download_folder, fetch_archives, find_folder, first_of

__all__ = ["CLASS_NAMES", "DataNotFound", "load_cifar10"]

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FOLDER = "cifar-10-batches-py"
# The hub keeps every revision; the hashes are those that it shows for the two files.
_HUB = "datasets/uoft-cs/cifar10/resolve/0b2714987fa478483af9968de7c934580d0bb9a2"
_HUB_FILE = "plain_text/{split}-00000-of-00001.parquet"
_HUB_SHA256 = {
    "train": "8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883",
    "test": "841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de",
}


def load_cifar10(split: str = "train", *, download: bool = True) -> tuple[Tensor, Tensor]:
    """Load CIFAR-10 as images uint8 (n, 3, 32, 32) and labels int64 (n,); 50,000 for training, 10,000 for testing.

    Looked for in the folder ``CBAM_COURSE_DATA``, in ``data`` below the working folder and among earlier
    downloads, then on the Hugging Face hub (or the mirror that ``HF_ENDPOINT`` names), then on the original
    server, which is slow. Every file is compared with its hash.

    Args:
        split: ``"train"`` or ``"test"``.
        download: go to the network when there is no copy on this computer.

    Raises:
        ValueError: an unknown split.
        DataNotFound: no source had the data; a lesson then goes on with scenes.

    Source: Krizhevsky: "Learning Multiple Layers of Features from Tiny Images", 2009.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}; choose 'train' or 'test'.")
    sources = {
        "this computer": _local_copy,
        "the Hugging Face hub": _hub_copy,
        "the original server": _original,
    }
    asked = dict(list(sources.items())[: None if download else 1])
    return first_of(
        "CIFAR-10",
        {name: lambda source=source: source(split) for name, source in asked.items()},
        cure=f"put the folder {_FOLDER} into {data_folders()[0]}, or set CBAM_COURSE_DATA to the folder that "
        "holds it.",
    )


def _local_copy(split: str) -> tuple[Tensor, Tensor]:
    from torchvision.datasets import CIFAR10

    dataset = CIFAR10(find_folder(_FOLDER), train=split == "train")  # compares the files with their MD5
    return _channels_first(dataset.data), torch.tensor(dataset.targets)


def _hub_copy(split: str) -> tuple[Tensor, Tensor]:
    try:
        from pyarrow import parquet
    except ImportError:  # missing, or made for another numpy
        raise ModuleNotFoundError(
            "the hub's files need the package pyarrow: pip install -U pyarrow", name="pyarrow"
        ) from None
    server = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    file = _HUB_FILE.format(split=split)
    path = download_folder() / "cifar10-hub" / file.rpartition("/")[2]
    fetch(f"{server.rstrip('/')}/{_HUB}/{file}", path, f"sha256:{_HUB_SHA256[split]}")
    table = parquet.read_table(path).flatten()
    return _channels_first(np.stack([_pixels(png) for png in table["img.bytes"]])), torch.tensor(
        table["label"].to_numpy()
    )


def _pixels(png) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(BytesIO(png.as_py())))


def _original(split: str) -> tuple[Tensor, Tensor]:
    from torchvision.datasets import CIFAR10

    fetch_archives({CIFAR10.url: f"md5:{CIFAR10.tgz_md5}"}, _FOLDER, download_folder())
    return _local_copy(split)


def _channels_first(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
