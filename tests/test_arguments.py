"""Bad input gets one sentence that names the argument, its value and the cure."""

import numpy as np
import pytest
import torch

from cbam_course.attention import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation

GATES = [SqueezeExcitation(8, 2), ChannelAttention(8, 2), SpatialAttention(3)]


@pytest.mark.parametrize("make", [SqueezeExcitation, ChannelAttention, CBAM])
@pytest.mark.parametrize(
    ("arguments", "kind", "sentence"),
    [
        ((0,), ValueError, "in_channels is 0; give a whole number of at least 1."),
        ((-3,), ValueError, "in_channels is -3; give a whole number of at least 1."),
        ((64.0,), TypeError, "in_channels is 64.0 (float); give a whole number of at least 1."),
        ((True,), TypeError, "in_channels is True (bool); give a whole number of at least 1."),
        ((64, -16), ValueError, "reduction_ratio is -16; give a whole number of at least 1."),
        ((64, 0), ValueError, "reduction_ratio is 0; give a whole number of at least 1."),
        ((64, "16"), TypeError, "reduction_ratio is '16' (str); give a whole number of at least 1."),
    ],
)
def test_a_bad_width_is_named_at_construction(make, arguments, kind, sentence):
    with pytest.raises(kind) as caught:
        make(*arguments)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("make", [SpatialAttention, lambda kernel_size: CBAM(8, 2, kernel_size)])
@pytest.mark.parametrize(
    ("kernel_size", "kind", "sentence"),
    [
        (
            4,
            ValueError,
            "kernel_size is 4, which is even, so no padding keeps the map's size; "
            "give an odd number such as 5.",
        ),
        (-7, ValueError, "kernel_size is -7; give a whole number of at least 1."),
        ((7, 7), TypeError, "kernel_size is (7, 7) (tuple); give a whole number of at least 1."),
    ],
)
def test_a_bad_kernel_is_named_at_construction(make, kernel_size, kind, sentence):
    with pytest.raises(kind) as caught:
        make(kernel_size)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("make", [SqueezeExcitation, ChannelAttention, CBAM, SpatialAttention])
def test_an_unknown_convention_lists_the_known_ones(make):
    with pytest.raises(ValueError, match=r"^convention is 'tim'; choose one of 'lesson', 'paper', 'timm'\.$"):
        make(7, convention="tim")


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert CBAM(np.int64(32), np.int32(4), np.int64(3))(torch.ones(1, 32, 2, 2)).shape == (1, 32, 2, 2)


@pytest.mark.parametrize("module", GATES, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize(
    ("x", "kind", "sentence"),
    [
        (
            torch.zeros(8, 5, 5),
            ValueError,
            "x has the shape (8, 5, 5), which is 3-D; give a 4-D feature map (N, C, H, W); "
            "for a single image use x.unsqueeze(0).",
        ),
        (
            torch.zeros(2, 8),
            ValueError,
            "x has the shape (2, 8), which is 2-D; give a 4-D feature map (N, C, H, W).",
        ),
        (
            torch.zeros(1, 8, 5, 5, dtype=torch.uint8),
            TypeError,
            "x has the dtype torch.uint8; give floating-point numbers, for example x.float() / 255.",
        ),
        (
            torch.zeros(1, 8, 5, 5, dtype=torch.double),
            TypeError,
            "x has the dtype torch.float64, and this module's weights have torch.float32; "
            "give x.to(torch.float32), or convert the module with .to(torch.float64).",
        ),
        (
            np.zeros((1, 8, 5, 5)),
            TypeError,
            "x is a ndarray; give a tensor, for example torch.as_tensor(x).",
        ),
    ],
    ids=["3-D", "2-D", "integer", "double", "numpy"],
)
def test_a_bad_input_is_named_in_forward(module, x, kind, sentence):
    with pytest.raises(kind) as caught:
        module(x)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("module", [*GATES[:2], CBAM(8, 2)], ids=lambda m: type(m).__name__)
def test_a_wrong_channel_count_says_both_cures(module):
    with pytest.raises(ValueError, match="x has 4 channels") as caught:
        module(torch.zeros(1, 4, 5, 5))
    assert str(caught.value) == (
        "x has 4 channels, and this module was made with in_channels=8; "
        "make it with in_channels=4, or give it 8 channels."
    )


def test_values_are_not_examined_because_that_would_break_export():
    x = torch.full((1, 8, 2, 2), float("nan"))
    assert CBAM(8, 2)(x).isnan().all()
