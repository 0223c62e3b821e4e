"""Blood cells: boxes lie where the cells are, at every size, and two boxes without area are spoken of."""

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from cbam_course.data import download
from cbam_course.data.cells import CELL_NAMES, load_cells
from cbam_course.data.download import DataNotFound

CORNERS = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
OBJECT = f"<object><name>{{}}</name><bndbox>{CORNERS}</bndbox></object>"
# Pascal VOC: columns 11 to 30 and rows 1 to 20 of an image, counted from 1.
RED, WHITE, EMPTY = ("RBC", 11, 1, 30, 20), ("WBC", 41, 21, 80, 60), ("RBC", 50, 33, 50, 33)


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CBAM_COURSE_DATA", str(tmp_path / "sets"))
    monkeypatch.setattr(download, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    return tmp_path / "sets" / "bccd-voc"


@pytest.fixture
def here(place):
    """Two images of 60 × 80 pixels: black, red where the red cell is and white where the white one is."""
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (place / folder).mkdir(parents=True)
    cells = {"a": [RED, EMPTY, WHITE], "b": [RED]}
    for name, objects in cells.items():
        image = Image.new("RGB", (80, 60))
        image.paste((255, 0, 0), (10, 0, 30, 20))
        if name == "a":
            image.paste((255, 255, 255), (40, 20, 80, 60))
        image.save(place / "JPEGImages" / f"{name}.jpg", quality=95)
        text = "".join(OBJECT.format(*values) for values in objects)
        (place / "Annotations" / f"{name}.xml").write_text(f"<annotation>{text}</annotation>")
    for split in ("train", "val", "test", "trainval"):
        (place / "ImageSets" / "Main" / f"{split}.txt").write_text("a\nb\n")


def test_boxes_are_half_open_and_count_from_zero(here):
    cells = load_cells(size=60)
    assert (cells.images.shape, len(cells)) == ((2, 3, 60, 80), 2)
    assert cells.boxes[0].tolist() == [[10, 0, 30, 20], [40, 20, 80, 60]]
    assert [labels.tolist() for labels in cells.labels] == [[0, 1], [0]]
    assert [cells.class_names[i] for i in cells.labels[0]] == ["RBC", "WBC"]


@pytest.mark.parametrize("size", [60, 30, 120])
def test_boxes_follow_the_images_at_every_size(here, size):
    cells = load_cells("test", size=size)
    for number, expected in enumerate([[255, 0, 0], [255, 255, 255]]):
        left, top, right, bottom = cells.boxes[0][number].round().int().tolist()
        inside = cells.images[0, :, top:bottom, left:right].float().mean((1, 2))
        torch.testing.assert_close(inside, torch.tensor(expected).float(), atol=25, rtol=0)


def test_a_box_without_area_is_left_out_and_spoken_of(here):
    assert load_cells().notes == ("a: a box of RBC without area was left out.",)
    assert load_cells(n=1).boxes[0].shape == (2, 4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"split": "all"}, "split is 'all'; choose 'train', 'val', 'test' or 'trainval'."),
        ({"n": 0}, "n is 0; give a whole number of at least 1."),
        ({"size": None}, "size is None; give a whole number of at least 1."),
        ({"size": True}, "size is True; give a whole number of at least 1."),
    ],
)
def test_a_bad_argument_gets_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_cells(**options)


def test_without_a_copy_one_sentence_says_where_to_put_it(place):
    with pytest.raises(
        DataNotFound, match=r"put github\.com/Shenggan/BCCD_Dataset, folder BCCD, as bccd-voc"
    ):
        load_cells()


@pytest.mark.skipif(
    not (Path(os.environ.get("CBAM_COURSE_DATA", "")) / "bccd-voc").is_dir(),
    reason="CBAM_COURSE_DATA names no folder with BCCD",
)
def test_the_real_cells_have_their_known_numbers():
    parts = [load_cells(split, size=24) for split in ("trainval", "test")]
    assert [len(part) for part in parts] == [292, 72]
    labels = torch.cat([labels for part in parts for labels in part.labels])
    assert dict(zip(CELL_NAMES, labels.bincount().tolist(), strict=True)) == {
        "RBC": 4153,
        "WBC": 372,
        "Platelets": 361,
    }
    assert sum(len(part.notes) for part in parts) == 2
    boxes = torch.cat([boxes for part in parts for boxes in part.boxes])
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes.min() >= 0
    assert boxes[:, 2:].amax(0).tolist() == [32, 24]
