"""Oxford-IIIT Pet: pictures and outlines fit each other, whatever source they come from."""

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from server import bad_server
from torchvision.datasets import OxfordIIITPet

from cbam_course.data import download
from cbam_course.data.download import DataNotFound
from cbam_course.data.pets import load_pets

IMPATIENT = download.Patience(timeout=0.3, attempts=2, pause=0.001)
# Two of 37 breeds, so that labels have to be counted anew.
LIST = "Abyssinian_1 1 1 1\nAbyssinian_2 1 1 1\nbeagle_1 5 2 1\n"


def write_copy(folder):
    """Write three photographs, red in the middle third; the pet is where the red is, with a border to the left."""
    (folder / "annotations" / "trimaps").mkdir(parents=True)
    (folder / "images").mkdir()
    for split in ("trainval", "test"):
        (folder / "annotations" / f"{split}.txt").write_text(LIST, encoding="utf-8")
    for line in LIST.splitlines():
        name = line.split()[0]
        photo, trimap = Image.new("RGB", (90, 60)), Image.new("L", (90, 60), 2)
        photo.paste((255, 0, 0), (30, 0, 60, 60))
        trimap.paste(1, (30, 0, 60, 60))
        trimap.paste(3, (27, 0, 30, 60))
        photo.save(folder / "images" / f"{name}.jpg", quality=95)
        trimap.save(folder / "annotations" / "trimaps" / f"{name}.png")


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CBAM_COURSE_DATA", str(tmp_path / "sets"))
    monkeypatch.setattr(download, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    monkeypatch.setattr(download, "Patience", lambda: IMPATIENT)
    return tmp_path / "sets"


@pytest.fixture
def here(place):
    write_copy(place / "oxford-iiit-pet")


def test_photograph_and_outline_are_cut_alike(here):
    pets = load_pets(size=30)
    assert (pets.images.shape, pets.trimaps.shape) == ((3, 3, 30, 30), (3, 30, 30))
    red = pets.images[:, 0] > 128
    # The middle 30 of 45 columns: 7 or 8 of background, then the pet's 15.
    assert (red != pets.masks).float().mean() < 0.05
    assert pets.trimaps.unique().tolist() == [1, 2, 3]
    assert 0.4 < pets.masks.float().mean() < 0.6


def test_labels_count_the_breeds_that_are_there(here):
    pets = load_pets("test", size=8)
    assert pets.class_names == ("Abyssinian", "Beagle")
    assert pets.labels.tolist() == [0, 0, 1]
    assert len(pets) == 3
    assert [len(part) for part in (*pets.classification, *pets.dense)] == [3, 3, 3, 3]
    assert pets.dense[1].dtype == torch.bool


def test_some_photographs_are_spread_over_the_list(here):
    assert load_pets(n=2, size=8).labels.tolist() == [0, 1]
    assert len(load_pets(n=99, size=8)) == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"split": "train"}, "split is 'train'; choose 'trainval' or 'test'."),
        ({"n": 0}, "n is 0; give a whole number of at least 1."),
        ({"size": 2.5}, "size is 2.5; give a whole number of at least 1."),
    ],
)
def test_a_bad_argument_gets_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_pets(**options)


def packed(folder, part):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        tar.add(folder / part, part)
    return file.getvalue()


@pytest.fixture
def serve(place, tmp_path, monkeypatch):
    """Return what starts a server with both archives."""
    write_copy(tmp_path / "server")
    files = {f"{part}.tar.gz": packed(tmp_path / "server", part) for part in ("images", "annotations")}
    running = []

    def start(*behaviour):
        running.append(bad_server(files, *behaviour))
        server = running[-1].__enter__()
        resources = [(f"{server.address}/{name}", hashlib.md5(files[name]).hexdigest()) for name in files]
        monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", tuple(resources))
        return server

    yield start
    for context in running:
        context.__exit__(None, None, None)


def test_both_archives_are_fetched_once_and_taken_up_where_they_broke(place, serve):
    server = serve("cut", "whole")
    for _ in range(2):
        assert len(load_pets(size=8)) == 3
    assert [path for path, _ in server.asked] == [
        "/annotations.tar.gz",
        "/annotations.tar.gz",
        "/images.tar.gz",
    ]
    assert sorted(path.name for path in place.iterdir()) == ["oxford-iiit-pet"]


@pytest.mark.parametrize("behaviour", [404, 503, "wrong", "silent"])
def test_a_server_out_of_order_is_one_sentence_and_leaves_nothing(place, serve, behaviour):
    serve(behaviour)
    with (
        pytest.warns(UserWarning, match="from the original server: 127") as caught,
        pytest.raises(DataNotFound),
    ):
        load_pets(size=8)
    assert len(caught) == 1
    assert list(place.iterdir()) == []


def test_without_download_the_network_is_not_asked(place, serve):
    server = serve("whole")
    with pytest.raises(DataNotFound, match="put the folder oxford-iiit-pet into"):
        load_pets(download=False)
    assert server.asked == []


@pytest.mark.skipif(
    not (Path(os.environ.get("CBAM_COURSE_DATA", "")) / "oxford-iiit-pet").is_dir(),
    reason="CBAM_COURSE_DATA names no folder with Oxford-IIIT Pet",
)
def test_real_photographs_have_a_pet_and_a_background():
    pets = load_pets("test", n=6, size=64, download=False)
    assert pets.images.shape == (6, 3, 64, 64)
    assert len(pets.class_names) == len(pets.labels.unique())
    assert (pets.masks.flatten(1).any(1) & ~pets.masks.flatten(1).all(1)).all()
    assert pets.images.float().std() > 20
