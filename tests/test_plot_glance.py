"""The still picture of the microscope and the gates at every depth: what is drawn is what was given."""

import pytest
import torch

from cbam_course import CBAM, make_scenes
from cbam_course.inspection.capture import gates_by_depth
from cbam_course.inspection.plots.pictures import show_depths, show_glance
from cbam_course.networks.small_cnn import SmallCNN

SCENES = make_scenes(2, seed=0)


def test_a_glance_shows_the_gates_and_the_answer():
    channel, spatial, answer = torch.rand(8), torch.rand(3, 4), torch.tensor([0.0, 2.0])
    figure = show_glance(SCENES.images[0], answer, channel=channel, spatial=spatial, classes=["cat", "dog"])
    titles = [axis.get_title() for axis in figure.axes[:4]]
    assert titles == ["picture", "channel gate", "spatial gate", "answer"]
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert heights == pytest.approx(channel.tolist())
    torch.testing.assert_close(torch.as_tensor(figure.axes[2].images[0].get_array().data), spatial)
    assert [bar.get_width() for bar in figure.axes[3].patches] == pytest.approx(answer.softmax(0).tolist())


def test_a_glance_at_pixels_has_no_bars():
    figure = show_glance(SCENES.images[0], torch.randn(48, 48))
    assert [axis.get_title() for axis in figure.axes[:2]] == ["picture", "answer: is it marked?"]


def test_every_depth_has_a_panel_of_its_kind():
    torch.manual_seed(0)
    gates = gates_by_depth(SmallCNN(5, attention=lambda c: CBAM(c, 4)), SCENES.images)
    figure = show_depths(SCENES.images[1], gates, number=1)
    by_title = {axis.get_title(): axis for axis in figure.axes}
    assert {"image", "blocks.0.channel", "blocks.2.spatial"} <= set(by_title)
    heights = [bar.get_height() for bar in by_title["blocks.1.channel"].patches]
    assert heights == pytest.approx(gates["blocks.1.attention.channel"][1].flatten().tolist())
    drawn = torch.as_tensor(by_title["blocks.2.spatial"].images[1].get_array().data)
    torch.testing.assert_close(drawn, gates["blocks.2.attention.spatial"][1, 0])
