"""CIFAR-10: a copy on this computer first, then the Hugging Face hub, then the original server; or scenes."""

import io
import os
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .download import (
    DataNotFound,
    data_folders,
    download_folder,
    fetch,
    fetch_archives,
    find_folder,
    first_of,
    read_checked,
)
from .scenes import make_scenes

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FOLDER = "cifar-10-batches-py"
# The hub keeps every revision; the hashes are those that it shows for the two files.
_HUB = "datasets/uoft-cs/cifar10/resolve/0b2714987fa478483af9968de7c934580d0bb9a2"
_HUB_FILE = "plain_text/{split}-00000-of-00001.parquet"
_HUB_SHA256 = {
    "train": "8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883",
    "test": "841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de",
}
_AT_MOST = 200_000_000  # bytes of any of the files: the original archive has 171 million


def load_cifar10(split: str = "train", *, download: bool = True) -> tuple[Tensor, Tensor]:
    """Load CIFAR-10 as images uint8 (n, 3, 32, 32) and labels int64 (n,); 50,000 for training, 10,000 for testing.

    Looked for in the folder ``CBAM_COURSE_DATA``, in ``data`` below the working folder and among earlier
    downloads, then on the Hugging Face hub (or the mirror that ``HF_ENDPOINT`` names), then on the original
    server, which is slow. Every file is compared with its hash, and nothing in it can run code.

    Terms: its authors state none; cite them, and do not hand the images on.

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
    return _read_batches(find_folder(_FOLDER) / _FOLDER, split)


def _read_batches(folder: Path, split: str) -> tuple[Tensor, Tensor]:
    """Read the files of the original archive, each from the bytes that were compared with its MD5."""
    from torchvision.datasets import CIFAR10

    batches = []
    for name, md5 in CIFAR10.train_list if split == "train" else CIFAR10.test_list:
        try:
            content = read_checked(folder / name, f"md5:{md5}")
        except (OSError, ValueError):
            problem = (
                f"{folder / name} is missing or damaged; delete the folder {_FOLDER}, and it is fetched again"
            )
            raise ValueError(problem) from None
        batches.append(_unpickled(content))
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    return torch.from_numpy(images), torch.tensor([label for batch in batches for label in batch["labels"]])


def _unpickled(content: bytes) -> dict:
    return _ArraysAndLists(io.BytesIO(content), encoding="latin1").load()


class _ArraysAndLists(pickle.Unpickler):
    """Builds numpy arrays besides what pickle builds itself (dicts, lists, text, numbers); calls nothing else."""

    def find_class(self, module: str, name: str):
        # numpy 2 moved its insides from numpy.core to numpy._core; files of either are read with either.
        if (module.replace("._core", ".core"), name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"a file of CIFAR-10 must not ask for {module}.{name}")


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
    checksum = f"sha256:{_HUB_SHA256[split]}"
    fetch(f"{server.rstrip('/')}/{_HUB}/{file}", path, checksum, at_most=_AT_MOST)
    table = parquet.read_table(io.BytesIO(read_checked(path, checksum))).flatten()
    return _channels_first(np.stack([_pixels(png) for png in table["img.bytes"]])), torch.tensor(
        table["label"].to_numpy()
    )


def _pixels(png) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png.as_py())))


def _original(split: str) -> tuple[Tensor, Tensor]:
    from torchvision.datasets import CIFAR10

    folder = download_folder()
    fetch_archives({CIFAR10.url: (f"md5:{CIFAR10.tgz_md5}", _AT_MOST)}, _FOLDER, folder)
    return _read_batches(folder / _FOLDER, split)


def _channels_first(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


class SmallImages(NamedTuple):
    """Images of 32 × 32 pixels to classify.

    Args:
        train, test: pairs of images uint8 (n, 3, 32, 32) and labels int64 (n,).
        class_names: the names that labels count.
        title: what they are, for the title of a figure: ``"CIFAR-10"`` or ``"scenes"``.
    """

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    class_names: tuple[str, ...]
    title: str


def cifar10_or_scenes(
    train: int = 3000, test: int = 1000, *, seed: int = 0, download: bool = True
) -> SmallImages:
    """Return images of CIFAR-10; where it cannot be had, say so in one sentence and return scenes.

    Args:
        train, test: number of images, at most 50,000 and 10,000.
        seed: which images of CIFAR-10, or which scenes.
        download: go to the network when there is no copy on this computer.
    """
    try:
        pairs = [
            _some(load_cifar10(split, download=download), count, seed)
            for split, count in (("train", train), ("test", test))
        ]
        return SmallImages(*pairs, CLASS_NAMES, "CIFAR-10")
    except DataNotFound as reason:
        print(f"{reason} This lesson goes on with scenes.")
    # Three shapes are what 32 × 32 pixels have room for.
    scenes = [
        make_scenes(n, size=32, distractors=2, seed=2 * seed + which) for which, n in enumerate((train, test))
    ]
    return SmallImages(*(s.classification for s in scenes), scenes[0].class_names, "scenes")


def _some(pair: tuple[Tensor, Tensor], count: int, seed: int) -> tuple[Tensor, Tensor]:
    chosen = torch.randperm(len(pair[1]), generator=torch.Generator().manual_seed(seed))[:count]
    return pair[0][chosen], pair[1][chosen]
