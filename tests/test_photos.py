"""The photographs load without a network and shrink as promised."""

import sys

import pytest
import torch

from cbam_course.data.photos import PHOTOS, PhotosMissing, load_photo


@pytest.mark.parametrize("name", PHOTOS)
def test_every_photo_is_in_the_wheel(name):
    photo = load_photo(name)
    assert photo.dtype == torch.uint8
    assert photo.shape[0] == 3
    assert min(photo.shape[1:]) >= 300


def test_shrinking_keeps_the_shape_of_the_picture_and_its_brightness():
    full, small = load_photo("coffee"), load_photo("coffee", size=100)
    assert small.shape == (3, 100, 150)
    torch.testing.assert_close(small.float().mean((1, 2)), full.float().mean((1, 2)), atol=0.5, rtol=0)


def test_two_loads_do_not_share_memory():
    first = load_photo()
    first.zero_()
    assert load_photo().float().mean() > 50


@pytest.mark.parametrize("size", [7, 301, True, 10.5])
def test_an_impossible_size_is_one_sentence_with_the_range(size):
    with pytest.raises(ValueError, match="give a whole number from 8 to 300"):
        load_photo("chelsea", size=size)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="'chelsea', 'astronaut', 'coffee'"):
        load_photo("cat")


def test_a_missing_scikit_image_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(PhotosMissing, match="pip install scikit-image"):
        load_photo()
