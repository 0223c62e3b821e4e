"""Photographs and CIFAR-10: from this computer, and one sentence where that is impossible."""

import pickle
import sys

import numpy as np
import pytest
import torch

from cbam_course.data import cifar10
from cbam_course.data.cifar10 import DataNotFound, load_cifar10
from cbam_course.data.photos import PHOTOS, load_photo


@pytest.mark.parametrize("name", PHOTOS)
def test_every_photograph_loads_without_a_download(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "pooch", None)  # scikit-image downloads through pooch
    photo = load_photo(name, 32)
    assert (photo.dtype, photo.ndim, photo.shape[0], min(photo.shape[1:])) == (torch.uint8, 3, 3, 32)


def test_a_photograph_keeps_its_size_or_takes_the_one_given():
    assert load_photo("chelsea").shape == (3, 300, 451)
    assert load_photo("chelsea", 100).shape == (3, 100, 150)
    assert load_photo("chelsea", (40, 60)).shape == (3, 40, 60)


def test_resizing_keeps_colours():
    whole, small = (load_photo("coffee", size).float().mean((1, 2)) for size in (None, 50))
    torch.testing.assert_close(whole, small, atol=2, rtol=0)


def test_shrinking_averages_instead_of_leaving_out(monkeypatch):
    stripes = np.zeros((60, 60, 3), dtype=np.uint8)
    stripes[:, ::3] = 240
    monkeypatch.setattr("skimage.data.chelsea", lambda: stripes)
    shrunk = load_photo(size=10)[:, 2:-2, 2:-2].float()
    torch.testing.assert_close(shrunk, torch.full_like(shrunk, 80), atol=10, rtol=0)


@pytest.mark.parametrize("size", [0, -3, 2.5, (3,), True])
def test_an_impossible_size_gets_a_sentence(size):
    with pytest.raises(ValueError, match="give whole numbers of at least 1"):
        load_photo(size=size)


def test_an_unknown_photograph_gets_the_names_that_there_are():
    with pytest.raises(ValueError, match="name is 'dog'; choose one of 'chelsea', 'astronaut'"):
        load_photo("dog")


def test_without_scikit_image_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ModuleNotFoundError, match="pip install scikit-image"):
        load_photo()


class _Source:
    """Stands for a source of CIFAR-10; remembers that it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def __call__(self, split):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def sources(monkeypatch):
    found = {name: _Source(OSError("unreachable")) for name in ("_local_copy", "_hub_copy", "_original")}
    for name, source in found.items():
        monkeypatch.setattr(cifar10, name, source)
    return found


def test_the_first_source_that_answers_is_the_last_one_asked(sources):
    sources["_hub_copy"].answer = "the data"
    assert load_cifar10() == "the data"
    assert [s.asked for s in sources.values()] == [1, 1, 0]


def test_when_nothing_answers_one_sentence_names_what_was_tried_and_the_cure(sources):
    with pytest.raises(
        DataNotFound, match=r"this computer \(OSError\), the Hugging Face hub \(OSError\)"
    ) as caught:
        load_cifar10()
    assert "set CBAM_COURSE_DATA" in str(caught.value)


def test_without_download_the_network_is_not_asked(sources):
    with pytest.raises(DataNotFound):
        load_cifar10(download=False)
    assert [s.asked for s in sources.values()] == [1, 0, 0]


def test_an_unknown_split_gets_a_sentence():
    with pytest.raises(ValueError, match="split is 'valid'; choose 'train' or 'test'"):
        load_cifar10("valid")


def test_a_local_copy_is_read_as_channels_first(monkeypatch, tmp_path):
    from torchvision.datasets import CIFAR10

    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    pixels = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    (folder / "test_batch").write_bytes(pickle.dumps({"data": pixels, "labels": [3, 8]}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(cifar10.CLASS_NAMES)}))
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *arguments: True)
    monkeypatch.setenv("CBAM_COURSE_DATA", str(tmp_path))
    images, labels = load_cifar10("test", download=False)
    torch.testing.assert_close(images, torch.from_numpy(pixels.reshape(2, 3, 32, 32)))
    torch.testing.assert_close(labels, torch.tensor([3, 8]))
