"""Weights carried from the authors' code, timm and torchvision, and back, give the same numbers."""

import pytest
import timm.layers.cbam
import timm.layers.squeeze_excite
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from cbam_course.attention import CBAM, SqueezeExcitation, conventions

SIZES = [(2, 24, 7, 5), (2, 24, 1, 1), (1, 24, 1, 6)]


def authors_state(channels, hidden, kernel_size=7):
    """A state with the keys and the shapes of the CBAM authors' module, made by hand."""
    norm = "SpatialGate.spatial.bn."
    return {
        "ChannelGate.mlp.1.weight": torch.randn(hidden, channels),
        "ChannelGate.mlp.1.bias": torch.randn(hidden),
        "ChannelGate.mlp.3.weight": torch.randn(channels, hidden),
        "ChannelGate.mlp.3.bias": torch.randn(channels),
        "SpatialGate.spatial.conv.weight": torch.randn(1, 2, kernel_size, kernel_size) / 7,
        norm + "weight": torch.randn(1),
        norm + "bias": torch.randn(1),
        norm + "running_mean": torch.randn(1),
        norm + "running_var": torch.rand(1) + 0.5,
        norm + "num_batches_tracked": torch.tensor(3),
    }


def authors_forward(s, x):
    """The arithmetic of the released code, written down from its description."""
    attention = 0
    for pool in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d):
        z = pool(x, 1).flatten(1)
        h = F.linear(z, s["ChannelGate.mlp.1.weight"], s["ChannelGate.mlp.1.bias"]).relu()
        attention = attention + F.linear(h, s["ChannelGate.mlp.3.weight"], s["ChannelGate.mlp.3.bias"])
    x = x * attention.sigmoid()[:, :, None, None]
    pools = torch.stack([x.max(dim=1).values, x.mean(dim=1)], dim=1)
    kernel, norm = s["SpatialGate.spatial.conv.weight"], "SpatialGate.spatial.bn."
    v = F.conv2d(pools, kernel, padding=kernel.shape[-1] // 2)
    v = F.batch_norm(v, *(s[norm + k] for k in ("running_mean", "running_var", "weight", "bias")))
    return x * v.sigmoid()


def randomise(module):
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            nn.init.normal_(tensor)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return module.eval()


def assert_same_function(ours, theirs, sizes):
    for size in sizes:
        x = torch.randn(size, requires_grad=True)
        gradients = [torch.autograd.grad(f(x).sin().sum(), x)[0] for f in (ours, theirs)]
        assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)
        assert_close(*gradients, atol=1e-5, rtol=1e-5)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(("ratio", "hidden"), [(16, 1), (4, 6), (32, 0)])
def test_the_authors_weights_compute_what_their_arithmetic_does(ratio, hidden):
    state = authors_state(24, hidden)
    ours = CBAM(24, ratio, convention="paper").eval()
    ours.load_state_dict(conventions.from_authors(state))
    assert_same_function(ours, lambda x: authors_forward(state, x), SIZES)


def test_the_way_back_to_the_authors_gives_the_state_that_was_given():
    state = authors_state(24, 3)
    back = conventions.to_authors(conventions.from_authors(state))
    assert list(back) == list(state)
    assert_close(back, state, rtol=0, atol=0)


@pytest.mark.parametrize(("channels", "ratio"), [(24, 16), (24, 4), (40, 16), (8, 16)])
def test_timm_cbam(channels, ratio):
    theirs = randomise(timm.layers.cbam.CbamModule(channels, rd_ratio=1 / ratio))
    ours = CBAM(channels, ratio, convention="timm").eval()
    ours.load_state_dict(conventions.from_timm(theirs.state_dict()))
    assert_same_function(ours, theirs, [(n, channels, h, w) for n, _, h, w in SIZES])
    theirs.load_state_dict(conventions.to_timm(ours.state_dict()))
    assert_same_function(ours, theirs, [(2, channels, 3, 4)])


@pytest.mark.parametrize(("channels", "ratio"), [(24, 16), (24, 2), (320, 16)])
def test_timm_squeeze_excitation(channels, ratio):
    theirs = timm.layers.squeeze_excite.SEModule(channels, rd_ratio=1 / ratio)
    ours = SqueezeExcitation(channels, ratio, convention="timm")
    ours.load_state_dict(conventions.from_timm(theirs.state_dict()))
    assert_same_function(ours, theirs, [(n, channels, h, w) for n, _, h, w in SIZES])
    theirs.load_state_dict(conventions.to_timm(ours.state_dict()))


def test_torchvision_squeeze_excitation():
    theirs = torchvision.ops.SqueezeExcitation(24, 6)
    ours = SqueezeExcitation(24, 4, convention="paper")
    ours.load_state_dict(conventions.from_torchvision(theirs.state_dict()))
    assert_same_function(ours, theirs, SIZES)
    back = conventions.to_torchvision(ours.state_dict())
    assert_close(dict(back), dict(theirs.state_dict()), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            conventions.from_authors,
            "state has the key 'fc.weight', which the CBAM authors' module does not have; "
            "give the state_dict of that module alone, with keys such as ChannelGate.mlp.1.weight.",
        ),
        (
            conventions.from_torchvision,
            "state has the key 'fc.weight', which torchvision's SqueezeExcitation does not have; "
            "give the state_dict of that module alone, with keys such as fc1.weight.",
        ),
        (
            conventions.to_timm,
            "state has the key 'fc.weight', which CBAM or SqueezeExcitation, convention=\"timm\" does not have; "
            "give the state_dict of that module alone, with keys such as channel.mlp.0.weight.",
        ),
    ],
)
def test_a_state_of_something_else_is_named(function, sentence):
    with pytest.raises(ValueError, match="the key") as caught:
        function({"fc.weight": torch.zeros(2, 2)})
    assert str(caught.value) == sentence
