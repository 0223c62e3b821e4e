"""Blood cells under a microscope, each cell in a box: a copy on this computer."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import torch
from torch import Tensor

from .download import data_folders, find_folder, first_of
from .photos import resize_photo

CELL_NAMES = ("RBC", "WBC", "Platelets")
_FOLDER = "bccd-voc"
_SOURCE = "github.com/Shenggan/BCCD_Dataset, folder BCCD"


@dataclass(frozen=True, eq=False)
class Cells:
    """Microscope images with the boxes of their cells; n images of h × w pixels.

    Args:
        images: uint8 (n, 3, h, w), red, green, blue.
        boxes: for each image float32 (k, 4): left, top, right, bottom in pixels, counted from 0, right and bottom
            being the first column and row outside.
        labels: for each image int64 (k,), the number of the kind of cell in ``class_names``.
        class_names: red blood cells (RBC), white ones (WBC) and platelets.
        notes: a sentence for each box that was left out because it has no area.
    """

    images: Tensor
    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    class_names: tuple[str, ...] = CELL_NAMES
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.images)


def load_cells(split: str = "train", *, n: int | None = None, size: int = 480) -> Cells:
    """Load BCCD, images of stained blood with a box round each cell: 205 to train, 87 to validate and 72 to test.

    Read from the folder ``bccd-voc`` (Pascal VOC layout: ``JPEGImages``, ``Annotations``, ``ImageSets``) in
    ``CBAM_COURSE_DATA``, in ``data`` below the working folder or among the downloads. Nobody publishes a file of it
    with a hash, so it is not fetched. Two of its 4,888 boxes have no area (images 00338 and 00343): they are left
    out, and ``notes`` says so.

    Args:
        split: ``"train"``, ``"val"``, ``"test"`` or ``"trainval"``.
        n: number of images, spread evenly over the list; all when left out.
        size: height in pixels; the images are 480 × 640.

    Raises:
        ValueError: an unknown split, or an impossible number or size.
        DataNotFound: there is no copy; a lesson then goes on with scenes.

    Source: Shenggan: BCCD Dataset, 2017; MIT licence.
    """
    if split not in ("train", "val", "test", "trainval"):
        raise ValueError(f"split is {split!r}; choose 'train', 'val', 'test' or 'trainval'.")
    for name, value in (("n", n), ("size", size)):
        if (name, value) != ("n", None) and (
            isinstance(value, bool) or not isinstance(value, int) or value < 1
        ):
            raise ValueError(f"{name} is {value!r}; give a whole number of at least 1.")
    return first_of(
        "The blood cells",
        {"this computer": lambda: _read(find_folder(_FOLDER) / _FOLDER, split, n, size)},
        cure=f"put {_SOURCE}, as {_FOLDER} into {data_folders()[0]}, or set CBAM_COURSE_DATA to the folder that "
        "holds it.",
    )


def _read(folder: Path, split: str, n: int | None, size: int) -> Cells:
    names = (folder / "ImageSets" / "Main" / f"{split}.txt").read_text(encoding="utf-8").split()
    if n is not None:
        names = [names[int(i)] for i in torch.linspace(0, len(names) - 1, min(n, len(names))).round()]
    images, boxes, labels, notes = [], [], [], []
    for name in names:
        image = _image(folder / "JPEGImages" / f"{name}.jpg")
        small = resize_photo(image, (size, round(size * image.shape[2] / image.shape[1])))
        found, kinds, empty = _boxes(folder / "Annotations" / f"{name}.xml")
        scale = torch.tensor([small.shape[2] / image.shape[2], small.shape[1] / image.shape[1]]).repeat(2)
        images.append(small)
        boxes.append(found * scale)
        labels.append(kinds)
        notes += [f"{name}: a box of {CELL_NAMES[kind]} without area was left out." for kind in empty]
    return Cells(torch.stack(images), tuple(boxes), tuple(labels), notes=tuple(notes))


def _image(path: Path) -> Tensor:
    from PIL import Image
    from torchvision.transforms.functional import pil_to_tensor

    with Image.open(path) as image:
        return pil_to_tensor(image.convert("RGB"))


def _boxes(path: Path) -> tuple[Tensor, Tensor, list[int]]:
    """Return boxes, kinds, and the kinds of the boxes without area.

    Pascal VOC counts pixels from 1, and the last row and column belong to the box.
    """
    boxes, kinds, empty = [], [], []
    for cell in ElementTree.parse(path).getroot().iter("object"):
        kind = CELL_NAMES.index(cell.findtext("name"))
        left, top, right, bottom = (
            float(cell.findtext(f"bndbox/{s}")) for s in ("xmin", "ymin", "xmax", "ymax")
        )
        if right <= left or bottom <= top:
            empty.append(kind)
            continue
        boxes.append([left - 1, top - 1, right, bottom])
        kinds.append(kind)
    return torch.tensor(boxes).reshape(-1, 4), torch.tensor(kinds, dtype=torch.int64), empty
