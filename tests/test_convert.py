"""Weights carried between our own conventions: exactly, or with a sentence that says what cannot be."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cbam_course.attention import CBAM, SpatialAttention, SqueezeExcitation
from cbam_course.attention.conventions import convert


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def carried(module, target, source, **options):
    """Return a module of convention ``target`` with the converted weights, in ``eval`` mode."""
    ratio = (
        {}
        if isinstance(module, SpatialAttention)
        else {"reduction_ratio": options.get("reduction_ratio", 16)}
    )
    arguments = {} if isinstance(module, SpatialAttention) else {"in_channels": 24, **ratio}
    twin = type(module)(**arguments, convention=target)
    twin.load_state_dict(convert(module.state_dict(), source, target, **options))
    return twin.eval()


def assert_same_function(a, b):
    for size in [(2, 24, 7, 5), (2, 24, 1, 1)]:
        x = torch.randn(size, requires_grad=True)
        gradients = [torch.autograd.grad(f(x).sin().sum(), x)[0] for f in (a, b)]
        assert_close(a(x), b(x), atol=1e-5, rtol=1e-5)
        assert_close(*gradients, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("make", [CBAM, SqueezeExcitation])
@pytest.mark.parametrize("target", ["lesson", "paper", "timm"])
def test_the_lesson_convention_can_be_carried_anywhere(make, target):
    module = make(24, convention="lesson").eval()
    assert_same_function(carried(module, target, "lesson"), module)


@pytest.mark.parametrize("target", ["paper", "timm"])
def test_spatial_attention_alone_can_be_carried_too(target):
    module = SpatialAttention().eval()
    assert_same_function(carried(module, target, "lesson"), module)


def test_the_planes_of_the_kernel_change_places():
    kernel = SpatialAttention().state_dict()["conv.weight"]
    assert_close(convert({"conv.weight": kernel}, "lesson", "paper")["conv.weight"], kernel[:, [1, 0]])
    assert_close(convert({"conv.weight": kernel}, "lesson", "timm")["conv.weight"], kernel)


def test_a_batchnorm_that_only_scales_is_folded_into_the_kernel_and_biases_of_0_are_dropped():
    module = CBAM(24, convention="paper").eval()
    nn.init.constant_(module.spatial.norm.weight, 0.7)
    nn.init.constant_(module.spatial.norm.running_var, 3.0)
    for layer in (0, 2):
        nn.init.zeros_(module.channel.mlp[layer].bias)
    assert_same_function(carried(module, "lesson", "paper"), module)


def test_a_bias_and_a_batchnorm_that_the_target_lacks_are_named_in_one_sentence():
    module = CBAM(24, convention="paper")
    nn.init.ones_(module.spatial.norm.bias)
    with pytest.raises(ValueError, match="bias") as caught:
        convert(module.state_dict(), source="paper", target="lesson")
    assert str(caught.value) == (
        "state cannot be carried over to convention 'lesson', which lacks the bias channel.mlp.0.bias; "
        "the bias channel.mlp.2.bias; the BatchNorm spatial.norm, which shifts the map."
    )


def test_more_hidden_units_than_the_target_has_are_named():
    with pytest.raises(ValueError, match="hidden units") as caught:
        convert(CBAM(24, convention="timm").state_dict(), "timm", "lesson")
    assert str(caught.value) == (
        "state cannot be carried over to convention 'lesson', which lacks "
        "room for 2 hidden units in channel.mlp.0.weight (it has 1)."
    )


def test_units_that_were_added_are_dropped_on_the_way_back():
    state = CBAM(24).state_dict()
    back = convert(convert(state, "lesson", "timm"), "timm", "lesson")
    assert_close(back, dict(state))


def test_the_reduction_ratio_decides_the_hidden_width_of_the_target():
    module = CBAM(24, 10).eval()  # 24 / 10 is 2, and rounded half up 2
    assert_same_function(carried(module, "timm", "lesson", reduction_ratio=10), module)
    module = CBAM(24, 9).eval()  # 24 / 9 is 2, and rounded half up 3
    assert_same_function(carried(module, "timm", "lesson", reduction_ratio=9), module)
    assert convert(module.state_dict(), "lesson", "timm")["channel.mlp.0.weight"].shape[0] == 2
    with pytest.raises(
        ValueError, match="reduction_ratio is 4, with which convention 'lesson' has a hidden width"
    ):
        convert(module.state_dict(), "lesson", "timm", reduction_ratio=4)


@pytest.mark.parametrize("argument", ["source", "target"])
def test_an_unknown_convention_lists_the_known_ones(argument):
    with pytest.raises(ValueError, match=f"^{argument} is 'tv'; choose one of 'lesson', 'paper', 'timm'"):
        convert({}, **{argument: "tv"})


def test_the_given_state_is_left_alone():
    state = dict(CBAM(24).state_dict())
    before = {key: value.clone() for key, value in state.items()}
    convert(state, "lesson", "paper")
    assert_close(state, before, rtol=0, atol=0)
