"""The figure of paired differences shows what it is given."""

from cbam_course.inspection.plots import plot_differences

ROWS = {"CBAM": ([0.1, 0.2, 0.4], 0.05, 0.45), "SE": ([-0.1, 0.0, 0.1], -0.2, 0.2)}


def test_every_single_difference_and_both_ends_of_its_interval_are_drawn():
    (axis,) = plot_differences(ROWS, xlabel="accuracy minus plain").axes
    drawn = [list(line.get_xdata()) for line in axis.lines]
    for points, low, high in ROWS.values():
        assert list(points) in drawn
        assert [low, high] in drawn
    assert [0, 0] in drawn  # the line to compare with


def test_rows_are_named_from_top_to_bottom_and_the_axis_says_what_was_subtracted():
    (axis,) = plot_differences(ROWS, xlabel="accuracy minus plain").axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["CBAM", "SE"]
    assert axis.yaxis_inverted()
    assert axis.get_xlabel().startswith("accuracy minus plain")


def test_the_width_is_in_inches():
    assert plot_differences(ROWS, xlabel="", width=4.5).get_figwidth() == 4.5
