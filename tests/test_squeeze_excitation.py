"""Squeeze-and-Excitation against a case done by hand, a loop, and torchvision's module."""

import math

import pytest
import torch
import torchvision
from torch.testing import assert_close

from cbam_course.attention import SqueezeExcitation


def layer_by_loop(layer, z):
    bias = [0.0] * layer.out_features if layer.bias is None else layer.bias.tolist()
    rows = layer.weight.tolist()
    return [sum(w * v for w, v in zip(row, z, strict=True)) + b for row, b in zip(rows, bias, strict=True)]


def by_loop(x, module):
    """Hu et al. 2018, equations 2 to 4, one number at a time in float64."""
    y = torch.empty_like(x)
    for n, image in enumerate(x.tolist()):
        z = [sum(map(sum, plane)) / (len(plane) * len(plane[0])) for plane in image]
        h = [max(0.0, v) for v in layer_by_loop(module.mlp[0], z)]
        for c, logit in enumerate(layer_by_loop(module.mlp[2], h)):
            y[n, c] = x[n, c] / (1 + math.exp(-logit))
    return y


def test_a_case_small_enough_for_paper_comes_out_as_computed_there():
    module = SqueezeExcitation(2, 2)
    with torch.no_grad():
        module.mlp[0].weight.copy_(torch.tensor([[1.0, -1.0]]))
        module.mlp[2].weight.copy_(torch.tensor([[0.5], [-1.0]]))
    x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
    # The means are 4 and 2, the hidden unit is 2, the logits are 1 and -2.
    gate = torch.tensor([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(2))])
    assert_close(module.gate(x).flatten(), gate)
    assert_close(module(x), x * gate[:, None, None])


@pytest.mark.parametrize("convention", ["lesson", "paper", "timm"])
def test_it_equals_a_loop_over_numbers(convention):
    torch.manual_seed(0)
    module = SqueezeExcitation(6, 2, convention=convention).double()
    x = torch.randn(3, 6, 4, 5, dtype=torch.double)
    assert_close(module(x), by_loop(x, module))


@pytest.mark.parametrize("convention", ["lesson", "paper", "timm"])
def test_gradients_are_those_of_finite_differences(convention):
    torch.manual_seed(0)
    module = SqueezeExcitation(4, 2, convention=convention).double()
    x = torch.randn(2, 4, 3, 2, dtype=torch.double, requires_grad=True)
    names = [name for name, _ in module.named_parameters()]

    def forward(x, *weights):
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x,))

    assert torch.autograd.gradcheck(forward, (x, *module.parameters()))


def test_with_the_same_weights_it_equals_torchvision():
    torch.manual_seed(0)
    theirs = torchvision.ops.SqueezeExcitation(8, 2)
    torch.nn.init.zeros_(theirs.fc1.bias)
    torch.nn.init.zeros_(theirs.fc2.bias)
    ours = SqueezeExcitation(8, 4)
    with torch.no_grad():
        ours.mlp[0].weight.copy_(theirs.fc1.weight[:, :, 0, 0])
        ours.mlp[2].weight.copy_(theirs.fc2.weight[:, :, 0, 0])
    x = torch.randn(2, 8, 5, 7)
    assert_close(ours(x), theirs(x))


def test_the_gate_has_one_number_per_channel_and_the_output_is_the_product():
    torch.manual_seed(0)
    module, x = SqueezeExcitation(8, 4), torch.randn(2, 8, 5, 7)
    gate = module.gate(x)
    assert gate.shape == (2, 8, 1, 1)
    assert ((gate > 0) & (gate < 1)).all()
    assert_close(module(x), x * gate)


def test_only_averages_count_so_the_layout_cannot_be_seen():
    torch.manual_seed(0)
    module, x = SqueezeExcitation(4, 2), torch.randn(1, 4, 6, 6)
    shuffled = x.flatten(2)[:, :, torch.randperm(36)].view_as(x)
    assert_close(module.gate(x), module.gate(shuffled))


@pytest.mark.parametrize(
    ("in_channels", "reduction_ratio", "convention", "hidden"),
    [
        (64, 16, "lesson", 4),
        (64, 8, "lesson", 8),
        (24, 16, "paper", 1),
        (3, 16, "lesson", 1),  # 3 // 16 is 0: the gate would be a constant 0.5
        (24, 16, "timm", 8),
        (256, 16, "timm", 16),
        (320, 16, "timm", 24),  # 320 / 16 is 20, half way from 16 to 24
    ],
)
def test_the_hidden_width(in_channels, reduction_ratio, convention, hidden):
    module = SqueezeExcitation(in_channels, reduction_ratio, convention=convention)
    assert module.mlp[0].weight.shape == (hidden, in_channels)
    assert module.mlp[2].weight.shape == (in_channels, hidden)


@pytest.mark.parametrize(("convention", "biases"), [("lesson", 0), ("paper", 2), ("timm", 2)])
def test_which_conventions_have_biases(convention, biases):
    names = [name for name, _ in SqueezeExcitation(32, 16, convention=convention).named_parameters()]
    assert sum(name.endswith("bias") for name in names) == biases


def test_fewer_channels_than_the_reduction_ratio_still_give_a_gate_that_moves():
    torch.manual_seed(0)
    module = SqueezeExcitation(3)
    gates = module.gate(torch.randn(64, 3, 4, 4) * 10)
    assert gates.std(dim=0).min() > 0.01
