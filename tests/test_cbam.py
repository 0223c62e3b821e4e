"""Channel and spatial attention, and CBAM, against cases done by hand and against loops."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cbam_course.attention import CBAM, ChannelAttention, SpatialAttention

CONVENTIONS = ["lesson", "paper", "timm"]


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def randomised(module):
    """Move every parameter and BatchNorm statistic away from its start, in float64 and ``eval`` mode."""
    torch.manual_seed(0)
    for p in module.parameters():
        nn.init.uniform_(p, 0.2, 1.0)
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean, 0.2, 1.0)
        nn.init.uniform_(norm.running_var, 0.2, 1.0)
    return module.double().eval()


def channel_by_loop(x, module):
    first, _, second = module.mlp
    gate = torch.zeros(*x.shape[:2], 1, 1, dtype=torch.double)
    for n in range(x.shape[0]):
        logit = [0.0] * x.shape[1]
        for pool in ("mean", "max"):
            planes = x[n].flatten(1).tolist()
            z = [max(p) if pool == "max" else sum(p) / len(p) for p in planes]
            for j in range(first.out_features):
                h = sum(first.weight[j, c].item() * z[c] for c in range(len(z)))
                h = max(0.0, h + (0.0 if first.bias is None else first.bias[j].item()))
                logit = [v + second.weight[c, j].item() * h for c, v in enumerate(logit)]
            if second.bias is not None:
                logit = [v + second.bias[c].item() for c, v in enumerate(logit)]
        gate[n, :, 0, 0] = torch.tensor([sigmoid(v) for v in logit])
    return gate


def spatial_by_loop(x, module, order):
    N, _, H, W = x.shape
    k = module.conv.kernel_size[0]
    kernel, gate = module.conv.weight[0].tolist(), torch.zeros(N, 1, H, W, dtype=torch.double)
    for n, i, j in torch.cartesian_prod(*map(torch.arange, (N, H, W))).tolist():
        v = 0.0
        for di, dj in torch.cartesian_prod(torch.arange(k), torch.arange(k)).tolist():
            r, s = i + di - k // 2, j + dj - k // 2
            if 0 <= r < H and 0 <= s < W:
                column = x[n, :, r, s].tolist()
                pools = {"mean": sum(column) / len(column), "max": max(column)}
                v += sum(kernel[p][di][dj] * pools[name] for p, name in enumerate(order))
        if isinstance(module.norm, nn.BatchNorm2d):
            m = module.norm
            v = (v - m.running_mean.item()) / math.sqrt(m.running_var.item() + 1e-5)
            v = v * m.weight.item() + m.bias.item()
        gate[n, 0, i, j] = sigmoid(v)
    return gate


def test_channel_attention_comes_out_as_computed_by_hand():
    module = ChannelAttention(2, 2)
    with torch.no_grad():
        module.mlp[0].weight.copy_(torch.tensor([[1.0, -1.0]]))
        module.mlp[2].weight.copy_(torch.tensor([[0.5], [0.25]]))
    x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 4.0]]]])
    # Means 4 and 1: hidden 3. Maxima 7 and 4: hidden 3. Logits 0.5 * 6 and 0.25 * 6.
    assert_close(module.gate(x).flatten(), torch.tensor([sigmoid(3.0), sigmoid(1.5)]))


def test_spatial_attention_comes_out_as_computed_by_hand():
    module = SpatialAttention(1)
    with torch.no_grad():
        module.conv.weight.copy_(torch.tensor([1.0, -0.5]).view(1, 2, 1, 1))
    x = torch.tensor([[[[1.0, 0.0]], [[3.0, -2.0]]]])
    # Means over the channels 2 and -1, maxima 3 and 0.
    assert_close(module.gate(x).flatten(), torch.tensor([sigmoid(0.5), sigmoid(-1.0)]))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_channel_attention_equals_a_loop_over_numbers(convention):
    module = randomised(ChannelAttention(6, 2, convention=convention))
    x = torch.randn(2, 6, 3, 4, dtype=torch.double)
    assert_close(module.gate(x), channel_by_loop(x, module))


@pytest.mark.parametrize(
    ("convention", "order"),
    [("lesson", ("mean", "max")), ("paper", ("max", "mean")), ("timm", ("mean", "max"))],
)
def test_spatial_attention_equals_a_loop_over_numbers(convention, order):
    module = randomised(SpatialAttention(3, convention=convention))
    x = torch.randn(2, 3, 4, 3, dtype=torch.double)
    assert_close(module.gate(x), spatial_by_loop(x, module, order))


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("make", [ChannelAttention, CBAM])
def test_gradients_are_those_of_finite_differences(make, convention):
    module = randomised(make(4, 2, convention=convention))
    x = torch.randn(2, 4, 3, 2, dtype=torch.double, requires_grad=True)
    names = [name for name, _ in module.named_parameters()]

    def forward(x, *weights):
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x,))

    assert torch.autograd.gradcheck(forward, (x, *module.parameters()))


def test_cbam_is_spatial_attention_of_what_channel_attention_lets_through():
    torch.manual_seed(0)
    module, x = CBAM(8, 2), torch.randn(2, 8, 5, 6)
    after_channel = x * module.channel.gate(x)
    assert_close(module(x), after_channel * module.spatial.gate(after_channel))
    assert not hasattr(module, "gate")


def test_gates_have_the_shape_of_what_they_scale_and_lie_between_0_and_1():
    torch.manual_seed(0)
    module, x = CBAM(8, 2), torch.randn(2, 8, 5, 6)
    for gate, shape in [(module.channel.gate(x), (2, 8, 1, 1)), (module.spatial.gate(x), (2, 1, 5, 6))]:
        assert gate.shape == shape
        assert ((gate > 0) & (gate < 1)).all()


@pytest.mark.parametrize(("convention", "hidden"), [("lesson", 1), ("paper", 1), ("timm", 2)])
def test_24_channels_get_the_hidden_width_of_their_convention(convention, hidden):
    assert CBAM(24, convention=convention).channel.mlp[0].out_features == hidden


def test_reduction_ratio_and_kernel_size_reach_their_parts():
    module = CBAM(32, 4, 3)
    assert module.channel.mlp[0].out_features == 8
    assert module.spatial.conv.kernel_size == (3, 3)
    assert module.spatial(torch.randn(1, 32, 5, 4)).shape == (1, 32, 5, 4)


def test_biases_and_batchnorm_are_where_each_convention_has_them():
    def names(convention):
        return {name for name, _ in CBAM(32, convention=convention).named_parameters()}

    lesson = {"channel.mlp.0.weight", "channel.mlp.2.weight", "spatial.conv.weight"}
    norm = {"spatial.norm.weight", "spatial.norm.bias"}
    assert names("lesson") == lesson
    assert names("timm") == lesson | norm
    assert names("paper") == lesson | norm | {"channel.mlp.0.bias", "channel.mlp.2.bias"}


@pytest.mark.parametrize(("convention", "momentum"), [("paper", 0.01), ("timm", 0.1)])
def test_the_batchnorm_forgets_at_the_rate_of_its_convention(convention, momentum):
    norm = SpatialAttention(convention=convention).norm
    assert norm.momentum == momentum
    assert norm.eps == 1e-5
