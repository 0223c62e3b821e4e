"""Photographs: from this computer, and one sentence where that is impossible."""

import sys

import numpy as np
import pytest
import torch

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
