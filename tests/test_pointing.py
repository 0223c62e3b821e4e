"""Pointing and gates that do not look: counted by hand, ties shared."""

import pytest
import torch

from cbam_course.inspection.pointing import pointing_rate
from cbam_course.networks.baselines import ConstantGate


@pytest.fixture
def masks():
    """Two images of 4 × 4 pixels with the object in the upper left quarter."""
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[:, :2, :2] = True
    return masks


def test_half_of_the_images_are_hit(masks):
    maps = torch.zeros(2, 4, 4)
    maps[0, 1, 1] = maps[1, 3, 3] = 1.0
    assert pointing_rate(maps, masks) == 0.5


def test_equally_bright_pixels_share_the_hit(masks):
    assert pointing_rate(torch.ones(2, 4, 4), masks) == 0.25
    two = torch.zeros(2, 4, 4)
    two[:, 0, 0] = two[:, 3, 0] = 2.0
    assert pointing_rate(two, masks) == 0.5


def test_a_smaller_map_is_enlarged(masks):
    assert pointing_rate(torch.tensor([[[1.0, 0.0], [0.0, 0.5]]]).expand(2, 2, 2), masks) == 1.0


def test_shapes_that_do_not_fit_get_one_sentence(masks):
    with pytest.raises(ValueError, match=r"maps have the shape \(3, 4, 4\) and masks \(2, 4, 4\); give"):
        pointing_rate(torch.zeros(3, 4, 4), masks)


def test_a_constant_gate_does_not_look():
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    factor = torch.tensor([0.0, 1.0, 0.5]).view(1, 3, 1, 1)
    torch.testing.assert_close(ConstantGate(factor)(x)[:, 2], x[:, 2] / 2)
    assert ConstantGate(0.0)(x).abs().max() == 0


def test_enlarging_repeats_pixels_and_does_not_blend_them(masks):
    """The brightest pixel becomes four, and the mask holds one of them; blended, a single one would be brightest."""
    masks[:] = False
    masks[:, 0, 0] = True
    assert pointing_rate(torch.tensor([[[1.0, 0.0], [0.0, 0.5]]]).expand(2, 2, 2), masks) == 0.25
