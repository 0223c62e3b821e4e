"""Pointing, energy and overlap counted by hand; the baselines beside them; gates that do not look."""

import pytest
import torch

from cbam_course.inspection.pointing import (
    centre_maps,
    energy_inside,
    overlap,
    pointing_hits,
    pointing_rate,
    pointing_table,
)
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


def test_a_tolerance_forgives_so_many_pixels(masks):
    maps = torch.zeros(2, 4, 4)
    maps[0, 2, 2] = maps[1, 3, 3] = 1.0  # one and two pixels away, diagonally
    assert [pointing_rate(maps, masks, tolerance=t) for t in (0, 1, 2)] == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="tolerance is -1; give"):
        pointing_hits(maps, masks, tolerance=-1)


def test_energy_is_the_share_of_the_lifted_map_inside(masks):
    maps = torch.full((2, 4, 4), 0.5)
    maps[0, 0, 0], maps[0, 3, 3] = 0.8, 0.6  # 0.3 inside and 0.1 outside above the smallest value
    torch.testing.assert_close(energy_inside(maps, masks), torch.tensor([0.75, 0.25]))


def test_overlap_compares_the_bright_part_with_the_mask(masks):
    maps = torch.zeros(2, 4, 4)
    maps[0, :2, :4] = 1.0  # the mask and as many pixels beside it
    maps[1, :2, :2] = torch.tensor([[1.0, 0.6], [0.4, 0.2]])
    torch.testing.assert_close(overlap(maps, masks), torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(overlap(maps, masks, threshold=0.1)[1], torch.tensor(1.0))
    torch.testing.assert_close(overlap(maps, masks, threshold=0), torch.tensor([0.25, 0.25]))
    with pytest.raises(ValueError, match="threshold is 2; give a number from 0 to 1"):
        overlap(maps, masks, threshold=2)


def test_the_centre_map_is_brightest_in_the_middle():
    masks = torch.zeros(2, 5, 7, dtype=torch.bool)
    masks[0, 2, 3] = masks[1, 0, 0] = True
    assert pointing_hits(centre_maps(masks), masks).tolist() == [1, 0]


def test_the_table_has_every_baseline_beside_every_map(masks):
    maps = torch.zeros(2, 4, 4)
    maps[0, 1, 1] = maps[1, 3, 3] = 1.0
    table = pointing_table({"gate": maps}, masks, {"gate": -maps}, tolerance=0)
    found = table.set_index(["map", "source", "measure"])["mean"]
    assert found["gate", "own", "pointing"] == 0.5
    assert found["gate", "another image's", "pointing"] == 0.5
    assert found["gate", "random weights", "pointing"] == pytest.approx(3.5 / 15)  # 3 and 4 of 15 brightest
    assert found["any", "chance", "pointing"] == 0.25
    assert found["any", "chance", "energy"] == 0.25
    assert 0 <= found["any", "centre", "energy"] <= 1
    assert len(table) == 5 * 3
    assert (table["low"] <= table["mean"]).all()
    with pytest.raises(ValueError, match="maps has gate, untrained has cam, and there are 2 masks"):
        pointing_table({"gate": maps}, masks, {"cam": maps})


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
