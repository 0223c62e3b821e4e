"""The small networks: shapes, heads, the place of attention, and first weights that pair runs."""

import pytest
import torch
from torch import nn

from cbam_course import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation
from cbam_course.experiments.models import HEADS as POOLED
from cbam_course.experiments.models import MODELS, model_named
from cbam_course.networks.baselines import AddedContext, OnePool, Parallel, SpatialFirst
from cbam_course.networks.small_cnn import HEADS, DenseCNN, SmallCNN


@pytest.fixture
def x():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("head", HEADS)
def test_a_small_cnn_gives_one_logit_per_class(x, head):
    assert SmallCNN(5, head=head)(x).shape == (2, 5)


def test_heads_have_the_parameters_of_what_they_pool():
    counts = [sum(p.numel() for p in SmallCNN(5, head=head).head.parameters()) for head in HEADS]
    hidden = 64 * 5 + 5
    assert counts == [hidden, 128 * 5 + 5, 64 * 64 + 64 + hidden, 128 * 64 + 64 + hidden]


def test_the_average_head_ignores_where_and_the_maximum_head_sees_one_bright_pixel():
    flat, bright = torch.ones(1, 64, 4, 4), torch.ones(1, 64, 4, 4)
    bright[0, :, 0, 0], bright[0, :, 0, 1] = 5, -3  # the same average
    average, both = SmallCNN(3).head, SmallCNN(3, head="mean+max").head
    torch.testing.assert_close(average(flat), average(bright))
    assert not torch.allclose(both(flat), both(bright))


def test_the_dense_cnn_gives_one_logit_per_pixel_of_any_size():
    assert DenseCNN()(torch.randn(2, 3, 18, 27)).shape == (2, 18, 27)


def test_each_block_gets_attention_of_its_own_width_after_its_pooling(x):
    widths, sizes = [], []

    class Spy(nn.Module):
        def forward(self, y):
            sizes.append(tuple(y.shape[1:]))
            return y

    SmallCNN(5, widths=(4, 8), attention=lambda c: widths.append(c) or Spy())(x)
    assert widths == [4, 8]
    assert sizes == [(4, 8, 8), (8, 4, 4)]


@pytest.mark.parametrize("build", [lambda **k: SmallCNN(5, **k), DenseCNN])
@pytest.mark.parametrize("attention", [SqueezeExcitation, lambda c: SpatialAttention(3), AddedContext])
def test_shared_layers_begin_with_the_same_weights_whatever_the_attention(build, attention):
    torch.manual_seed(3)
    plain = build().state_dict()
    torch.manual_seed(3)
    gated = build(attention=attention).state_dict()
    assert len(gated) > len(plain)
    for name, weight in plain.items():
        torch.testing.assert_close(gated[name], weight)


def test_no_distant_pixel_reaches_a_pixel_unless_attention_carries_it():
    torch.manual_seed(0)
    for attention, reached in ((None, False), (SqueezeExcitation, True), (AddedContext, True)):
        model = DenseCNN(attention=attention).eval()
        x = torch.randn(1, 3, 64, 64, requires_grad=True)
        model(x)[0, 0, 0].backward()
        assert bool(x.grad[0, :, 40:, 40:].any()) is reached


def test_added_context_adds_the_same_number_to_a_whole_channel(x):
    y = torch.randn(2, 8, 4, 4)
    for pools in ("mean", "mean+max"):
        torch.manual_seed(0)
        context = AddedContext(8, 2, pools=pools)
        added = context(y) - y
        torch.testing.assert_close(added, added[:, :, :1, :1].expand_as(y))
        pooled = context.mlp(y.mean((2, 3))) + (context.mlp(y.amax((2, 3))) if pools == "mean+max" else 0)
        torch.testing.assert_close(added[:, :, 0, 0], pooled)


def test_one_pool_is_half_of_channel_attention():
    y = torch.rand(2, 8, 4, 4)
    average, maximum, se = OnePool(8, 2, pool="average"), OnePool(8, 2), SqueezeExcitation(8, 2)
    se.load_state_dict(average.state_dict())
    maximum.load_state_dict(average.state_dict())
    both = ChannelAttention(8, 2)
    both.load_state_dict(average.state_dict())
    torch.testing.assert_close(average(y), se(y))
    summed = sum(torch.logit(part.gate(y)) for part in (average, maximum))
    torch.testing.assert_close(both.gate(y), torch.sigmoid(summed))


def test_the_orders_differ_as_their_equations_say():
    y = torch.randn(2, 8, 6, 6)
    cbam, first, parallel = CBAM(8, 2, 3), SpatialFirst(8, 2, 3), Parallel(8, 2, 3)
    first.load_state_dict(cbam.state_dict())
    parallel.load_state_dict(cbam.state_dict())
    torch.testing.assert_close(first(y), cbam.channel(cbam.spatial(y)))
    torch.testing.assert_close(parallel(y), y * cbam.channel.gate(y) * cbam.spatial.gate(y))
    assert not torch.allclose(first(y), cbam(y))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: SmallCNN(0), "num_classes is 0"),
        (lambda: SmallCNN(5, head="max"), "head is 'max'; choose one of 'average', 'mean"),
        (lambda: SmallCNN(5, widths=()), r"widths is \(\); give the blocks' channels"),
        (lambda: DenseCNN(widths=(8, 0)), "widths is 0; give a whole number of at least 1."),
        (lambda: AddedContext(8, pools="max"), "pools is 'max'; choose 'mean' or 'mean"),
        (lambda: AddedContext(0), "in_channels is 0"),
        (lambda: OnePool(8, pool="max"), "pool is 'max'; choose 'average' or 'maximum'."),
        (lambda: SmallCNN(5)(torch.zeros(1, 1, 16, 16)), "x has 1 channels"),
        (lambda: model_named("resnet"), "models has 'resnet'; choose from plain, "),
        (lambda: model_named("plain-r8"), "models has 'plain-r8', and plain has no attention to change."),
        (lambda: model_named("plain-max").build("dense", None), "plain-max pools the image into one answer"),
    ],
)
def test_a_bad_argument_gets_one_sentence(build, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        build()


@pytest.mark.parametrize("name", MODELS)
def test_every_named_model_runs(x, name):
    assert model_named(name).build("small", 4)(x).shape == (2, 4)
    if name not in POOLED:
        assert model_named(name).build("dense", None)(x).shape == (2, 16, 16)


def test_the_wider_baseline_has_the_parameters_of_cbam_and_longer_means_three_times():
    for network, classes in (("small", 3), ("small", 5), ("dense", None)):
        wide, cbam = (
            sum(p.numel() for p in model_named(n).build(network, classes).parameters())
            for n in ("plain-wide", "cbam")
        )
        assert 1 <= wide / cbam < 1.03
    assert [model_named(n).longer for n in ("plain-long", "plain", "cbam")] == [3, 1, 1]


def test_a_name_can_carry_a_reduction_ratio_and_a_kernel():
    block = model_named("cbam-r8-k3").build("small", 5).blocks[2].attention
    assert (block.channel.mlp[0].out_features, block.spatial.conv.kernel_size) == (8, (3, 3))
