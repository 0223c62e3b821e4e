"""Oxford-IIIT Pet: photographs of cats and dogs with the pet's outline; a copy on this computer first."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from .download import data_folders, download_folder, fetch_archives, find_folder, first_of
from .photos import resize_photo

_FOLDER = "oxford-iiit-pet"
_AT_MOST = 1_000_000_000  # bytes of an archive: the larger has 792 million


@dataclass(frozen=True, eq=False)
class Pets:
    """Photographs with their answers; n square pictures of s × s pixels.

    Args:
        images: uint8 (n, 3, s, s), red, green, blue.
        labels: int64 (n,), the number of the breed in ``class_names``.
        trimaps: uint8 (n, s, s): 1 pet, 2 background, 3 the border between them, which is neither.
        class_names: the names that labels count.
    """

    images: Tensor
    labels: Tensor
    trimaps: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def masks(self) -> Tensor:
        """True where the pet is, bool (n, s, s); the border is left out."""
        return self.trimaps == 1

    @property
    def classification(self) -> tuple[Tensor, Tensor]:
        """The pair ``(images, labels)`` that ``fit`` takes."""
        return self.images, self.labels

    @property
    def dense(self) -> tuple[Tensor, Tensor]:
        """The pair ``(images, masks)`` that ``fit`` takes to train a network that marks pixels."""
        return self.images, self.masks


def load_pets(
    split: str = "trainval", *, n: int | None = None, size: int = 160, download: bool = True
) -> Pets:
    """Load Oxford-IIIT Pet: 3,680 photographs to train with and 3,669 to test with, of 37 breeds.

    Each is scaled until its shorter side fits, and the middle is cut out. Looked for in the same folders as
    CIFAR-10, then fetched from the original server (811 MB), compared with the hashes that torchvision knows.

    Args:
        split: ``"trainval"`` or ``"test"``.
        n: number of photographs, spread evenly over the list, which is ordered by breed; all when left out.
        size: side of the pictures in pixels.
        download: go to the network when there is no copy on this computer.

    Raises:
        ValueError: an unknown split, or an impossible number or size.
        DataNotFound: no source had the data; a lesson then goes on with scenes.

    Source: Parkhi et al.: "Cats and Dogs", CVPR 2012; licence CC BY-SA 4.0.
    """
    if split not in ("trainval", "test"):
        raise ValueError(f"split is {split!r}; choose 'trainval' or 'test'.")
    for name, value in (("n", n), ("size", size)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} is {value!r}; give a whole number of at least 1.")
    sources = {"this computer": _local_copy, "the original server": _original}
    asked = dict(list(sources.items())[: None if download else 1])
    return first_of(
        "Oxford-IIIT Pet",
        {name: lambda source=source: source(split, n, size) for name, source in asked.items()},
        cure=f"put the folder {_FOLDER} into {data_folders()[0]}, or set CBAM_COURSE_DATA to the folder that "
        "holds it.",
    )


def _local_copy(split: str, n: int | None, size: int) -> Pets:
    return _read(find_folder(_FOLDER), split, n, size)


def _read(folder: Path, split: str, n: int | None, size: int) -> Pets:
    from torchvision.datasets import OxfordIIITPet

    try:
        pets = OxfordIIITPet(folder, split, target_types=("category", "segmentation"))
    except (OSError, RuntimeError):
        problem = f"{folder / _FOLDER} is not complete; delete it, and it is fetched again"
        raise ValueError(problem) from None
    chosen = (
        range(len(pets)) if n is None else torch.linspace(0, len(pets) - 1, min(n, len(pets))).round().long()
    )
    images, labels, trimaps = zip(*(_square(*pets[int(i)], size) for i in chosen), strict=True)
    # A copy may hold some of the breeds only; labels count those that it has.
    breeds, labels = torch.unique(torch.tensor(pets._labels)), torch.tensor(labels)
    return Pets(
        torch.stack(images), torch.searchsorted(breeds, labels), torch.stack(trimaps), tuple(pets.classes)
    )


def _square(photo, answers, size: int) -> tuple[Tensor, int, Tensor]:
    """Scale a photograph and its trimap until the shorter side fits, and cut the middle out of both."""
    from torchvision.transforms.functional import center_crop, pil_to_tensor

    label, trimap = answers
    image = resize_photo(pil_to_tensor(photo), size)
    small = F.interpolate(pil_to_tensor(trimap)[None], image.shape[1:], mode="nearest")[0, 0]
    return center_crop(image, size), label, center_crop(small, size)


def _original(split: str, n: int | None, size: int) -> Pets:
    from torchvision.datasets import OxfordIIITPet

    # The smaller archive first: a server that is out of order is noticed sooner.
    archives = {url: (f"md5:{md5}", _AT_MOST) for url, md5 in reversed(OxfordIIITPet._RESOURCES)}
    folder = download_folder()
    fetch_archives(archives, _FOLDER, folder)
    return _read(folder, split, n, size)
