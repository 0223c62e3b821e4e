"""The figures show what they are given: the data of what is drawn, not how it looks."""

import matplotlib as mpl
import pytest
import torch
from matplotlib import pyplot as plt
from torch.testing import assert_close

from cbam_course.inspection import plots

ROWS = {"CBAM": ([0.1, 0.2, 0.4], 0.05, 0.45), "SE": ([-0.1, 0.0, 0.1], -0.2, 0.2)}
RUNS = {"plain": [0.2, 0.3, 0.7], "CBAM": [0.5, 0.5, 0.8]}


def lines_of(axis):
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axis.lines]


def pictures_of(figure):
    """Return the arrays that are drawn as pictures, panel by panel, without those of a colour bar."""
    drawn = [image for axis in figure.axes for image in axis.images]
    return [torch.as_tensor(image.get_array().filled(float("nan"))) for image in drawn]


def texts_of(axis):
    return [text.get_text() for text in axis.texts]


def shown(axis):
    return [label.get_text() for label in axis.get_yticklabels()]


def test_single_runs_are_points_and_their_mean_is_a_bar_across():
    (axis,) = plots.plot_runs(RUNS, xlabel="accuracy", chance=0.25).axes
    drawn = lines_of(axis)
    for row, (values, mean) in enumerate(zip(RUNS.values(), (0.4, 0.6), strict=True)):
        assert (values, [row] * 3) in drawn
        bar = next(xs for xs, ys in drawn if ys == [row - 0.3, row + 0.3])
        assert bar == pytest.approx([mean, mean])
    assert ([0.25, 0.25], [0, 1]) in drawn  # chance
    assert texts_of(axis) == ["0.400", "0.600", "chance"]
    assert shown(axis) == list(RUNS)
    assert axis.yaxis_inverted()


def test_without_chance_no_line_of_chance_is_drawn():
    (axis,) = plots.plot_runs(RUNS, xlabel="accuracy").axes
    assert texts_of(axis) == ["0.400", "0.600"]
    assert len(axis.lines) == 4


def test_a_curve_has_its_values_at_their_places_and_its_name():
    (axis,) = plots.plot_lines({"a": [3, 1, 2], "b": [0, 0, 5]}, xlabel="epoch", ylabel="loss").axes
    assert lines_of(axis) == [([1, 2, 3], [3, 1, 2]), ([1, 2, 3], [0, 0, 5])]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("epoch", "loss")
    markers = [line.get_marker() for line in axis.lines]
    assert len(set(markers)) == 2, "told apart without colour too"
    (axis,) = plots.plot_lines({"a": [3, 1]}, xlabel="", ylabel="", x=[10, 20]).axes
    assert lines_of(axis) == [([10, 20], [3, 1])]


def test_points_lie_at_their_values_under_their_names():
    (axis,) = plots.plot_points({"a": (3, 0.5), "b": (1, 0.25)}, xlabel="seconds", ylabel="score").axes
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in axis.lines] == [(3, 0.5), (1, 0.25)]
    assert [line.get_label() for line in axis.lines] == ["a", "b"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("seconds", "score")


def test_gates_are_bars_of_their_height_side_by_side_around_the_channel():
    gates = {"SE": torch.tensor([0.25, 0.5]), "CBAM": torch.tensor([0.75, 1.0])}
    (axis,) = plots.plot_gates(gates, ["red", "blue"]).axes
    first, second = axis.containers
    assert [bar.get_height() for bar in first] == [0.25, 0.5]
    assert [bar.get_height() for bar in second] == [0.75, 1.0]
    for channel in (0, 1):
        left, right = first[channel], second[channel]
        assert right.get_x() == pytest.approx(left.get_x() + left.get_width())
        middle = (left.get_x() + right.get_x() + right.get_width()) / 2
        assert middle == pytest.approx(channel, abs=1e-6)
    assert [label.get_text() for label in axis.get_xticklabels()] == ["red", "blue"]
    assert axis.get_ylim() == (0, 1)
    assert {bar.get_hatch() for bar in (first[0], second[0])} == {"", "//"}


def test_every_single_difference_and_both_ends_of_its_interval_are_drawn():
    (axis,) = plots.plot_differences(ROWS, xlabel="accuracy minus plain").axes
    drawn = [xs for xs, _ in lines_of(axis)]
    for points, low, high in ROWS.values():
        assert list(points) in drawn
        assert [low, high] in drawn
    assert [0, 0] in drawn  # the line to compare with


def test_rows_of_differences_are_named_from_top_to_bottom_and_the_axis_says_what_was_subtracted():
    (axis,) = plots.plot_differences(ROWS, xlabel="accuracy minus plain").axes
    assert shown(axis) == ["CBAM", "SE"]
    assert axis.yaxis_inverted()
    assert axis.get_xlabel().startswith("accuracy minus plain")
    assert plots.plot_differences(ROWS, xlabel="", width=4.5).get_figwidth() == 4.5


def test_histograms_count_on_common_bins():
    sets = {"near": torch.tensor([0.0, 0.1, 0.9]), "far": torch.tensor([0.9, 1.0])}
    (axis,) = plots.plot_distributions({"gate": sets}, bins=2).axes
    near, far = axis.containers
    assert [bar.get_height() for bar in near] == [2, 1]
    assert [bar.get_height() for bar in far] == [0, 2]
    assert [bar.get_x() for bar in near] == [bar.get_x() for bar in far] == [0, 0.5]
    assert axis.get_title() == "gate"


def test_maps_share_one_scale_from_their_lowest_to_their_highest_value():
    maps = torch.tensor([[[0.0, 1.0]], [[2.0, 3.0]]])
    figure = plots.show_maps(maps, ["a", "b"])
    pictures = [axis.images[0] for axis in figure.axes[:2]]
    for picture, values in zip(pictures, maps, strict=True):
        assert_close(torch.as_tensor(picture.get_array().data), values)
        assert picture.get_clim() == (0, 3)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["a", "b"]
    (limited,) = plots.show_maps(maps[:1], limits=(-1, 5)).axes[0].images
    assert limited.get_clim() == (-1, 5)


def test_a_signed_scale_is_centred_at_zero():
    (picture,) = plots.show_maps(torch.tensor([[[-1.0, 4.0]]]), signed=True).axes[0].images
    assert picture.get_clim() == (-4, 4)
    (picture,) = plots.show_maps(torch.tensor([[[-5.0, 4.0]]]), signed=True).axes[0].images
    assert picture.get_clim() == (-5, 5)


def test_a_mask_is_outlined_along_its_edge():
    mask = torch.zeros(1, 5, 5, dtype=torch.bool)
    mask[0, 1:4, 2:4] = True
    axis = plots.show_maps(torch.zeros(1, 5, 5), masks=mask).axes[0]
    white, black = (set(map(tuple, collection.get_edgecolor())) for collection in axis.collections[::-1])
    assert (white, black) == ({(1, 1, 1, 1)}, {(0, 0, 0, 1)})
    corners = axis.collections[0].get_paths()[0].vertices
    # Halfway between the pixels inside and those outside.
    assert (corners.min(0).tolist(), corners.max(0).tolist()) == ([1.5, 0.5], [3.5, 3.5])


def test_images_are_shown_pixel_by_pixel_with_their_boxes():
    images = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 2, 2)
    figure = plots.show_images(images, ["first", "second"], boxes=torch.tensor([[0, 0, 1, 2], [1, 0, 2, 1]]))
    for axis, image in zip(figure.axes, images, strict=True):
        assert_close(torch.as_tensor(axis.images[0].get_array().data), image.movedim(0, -1))
    xs, ys = lines_of(figure.axes[0])[0]
    # Half-open in pixels, whose middles are whole numbers: from the first pixel's left edge to the last one's right.
    assert (min(xs), max(xs), min(ys), max(ys)) == (-0.5, 0.5, -0.5, 1.5)


def test_a_small_map_lies_over_the_whole_image():
    image, values = torch.rand(3, 8, 6), torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    figure = plots.show_overlay(image, values)
    over = figure.axes[2].images[1]
    assert over.get_extent() == [-0.5, 5.5, 7.5, -0.5]
    assert_close(torch.as_tensor(over.get_array().data), values)
    assert 0 < over.get_alpha() < 1
    assert_close(torch.as_tensor(figure.axes[2].images[0].get_array().data), image.movedim(0, -1))


def test_numbers_stand_in_their_own_cells():
    (axis,) = plots.show_numbers(torch.tensor([[[1.0, 2.5], [-3.0, 0.25]]])).axes
    cells = {text.get_position(): text.get_text() for text in axis.texts}
    assert cells == {(0, 0): "1", (1, 0): "2.5", (0, 1): "-3", (1, 1): "0.25"}
    colours = {text.get_text(): text.get_color() for text in axis.texts}
    assert (colours["-3"], colours["2.5"]) == ("white", "black")  # dark cells have light writing


def test_a_diagram_names_every_step_with_the_shape_that_leaves_it():
    figure = plots.draw_flow([("mean", "(N, C)"), ("MLP", "(N, C)")], skip="x", highlight=["MLP"])
    (axis,) = figure.axes
    assert [text for text in texts_of(axis) if text] == ["mean", "(N, C)", "MLP", "(N, C)", "x"]
    boxes = {t.get_text(): t.get_bbox_patch().get_facecolor() for t in axis.texts if t.get_bbox_patch()}
    assert boxes["MLP"] != boxes["mean"]
    assert lines_of(axis)[0][0] == [0, 0, 1]  # the path that skips the second step


def test_settings_show_the_open_page_and_which_boxes_are_ticked():
    pages = {"Editor": [("complete", False)], "Site": [("dark", True), ("wide", False)]}
    figure = plots.draw_settings("Tools", ["Site", "Editor"], pages)
    editor, site = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["Tools", "Tools"]
    assert [text.get_text() for text in editor.texts if text.get_weight() == "bold"] == ["Editor"]
    assert {"complete"} <= {text.get_text() for text in editor.texts}
    assert [line.get_marker() for line in editor.lines].count("x") == 0
    assert [line.get_marker() for line in site.lines].count("x") == 1


def test_a_figure_is_closed_so_that_a_notebook_shows_it_once_and_settings_stay_as_they_were():
    before = dict(mpl.rcParams)
    plots.show_maps(torch.zeros(1, 2, 2))
    assert not plt.get_fignums()
    assert dict(mpl.rcParams) == before


def test_every_panel_shows_its_own_runs_beside_the_mean_of_the_reference():
    figure = plots.plot_beside(
        {"A": [[0.1, 0.2], [0.3, 0.4]], "B": [[0.5, 0.6]]},
        [[0.2, 0.6], [0.4, 1.0]],
        name="right", xlabel="epoch", ylabel="score", columns=2,
    )  # fmt: skip
    first, second = figure.axes
    assert [ys for _, ys in lines_of(first)[:-1]] == [[0.1, 0.2], [0.3, 0.4]]
    assert [ys for _, ys in lines_of(second)[:-1]] == [[0.5, 0.6]]
    for axis in (first, second):
        assert lines_of(axis)[-1][1] == pytest.approx([0.3, 0.8])
    assert [axis.get_title() for axis in (first, second)] == ["A", "B"]
