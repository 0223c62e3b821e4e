"""``count_cost``: parameters and multiply-adds by hand, and nothing of the model changes."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cbam_course import CBAM, SpatialAttention, SqueezeExcitation, count_cost


@pytest.mark.parametrize(
    ("model", "size", "parameters", "macs"),
    [
        # N · C_out · C_in · k² · H · W
        (nn.Conv2d(3, 8, 3, padding=1), (2, 3, 10, 6), 8 * 3 * 9 + 8, 2 * 8 * 3 * 9 * 60),
        (nn.Conv2d(3, 8, 3, stride=2), (1, 3, 9, 9), 8 * 3 * 9 + 8, 8 * 3 * 9 * 16),
        (nn.Conv2d(8, 8, 3, groups=4, bias=False), (1, 8, 3, 3), 8 * 2 * 9, 8 * 2 * 9),
        (SqueezeExcitation(32, 4), (3, 32, 5, 5), 2 * 32 * 8, 3 * 2 * 32 * 8),
        (SpatialAttention(7), (1, 32, 5, 4), 2 * 49, 2 * 49 * 20),
        # The shared MLP works twice.
        (CBAM(32, 4, 7), (1, 32, 5, 4), 2 * 32 * 8 + 2 * 49, 2 * 2 * 32 * 8 + 2 * 49 * 20),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.ReLU()), (1, 3, 8, 8), 0, 0),
    ],
)
def test_small_modules_cost_what_one_can_work_out(model, size, parameters, macs):
    assert count_cost(model, size) == (parameters, macs)


def test_the_parts_of_the_result_have_names():
    cost = count_cost(nn.Conv2d(1, 1, 1), (1, 1, 2, 2))
    assert (cost.parameters, cost.macs) == (2, 4)
    assert isinstance(cost.macs, int)


def test_a_shared_parameter_counts_once_and_works_twice():
    conv = nn.Conv2d(2, 2, 1, bias=False)
    assert count_cost(nn.Sequential(conv, conv), (1, 2, 3, 3)) == (4, 72)


class Restless(nn.Module):
    """A module that changes whatever a forward pass can change."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.register_buffer("calls", torch.zeros(()))
        self.scale, self.python_calls = torch.ones(3, 1, 1), 0

    def forward(self, x):
        self.calls += 1
        self.scale.mul_(2)
        self.python_calls += 1
        x = nn.functional.batch_norm(
            self.conv(x), self.norm.running_mean, self.norm.running_var, training=True
        )
        return nn.functional.dropout(x * self.scale + torch.rand_like(x))


def test_nothing_of_the_model_changes():
    model = Restless().train()
    model.norm.eval()
    state, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert count_cost(model, (1, 3, 4, 4)).macs == 9 * 16
    assert_close(model.state_dict(), state, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(model.scale, torch.ones(3, 1, 1))
    assert model.python_calls == 0
    assert model.training
    assert not model.norm.training
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.half, torch.double])
def test_models_of_other_dtypes_get_an_input_of_theirs(dtype):
    assert count_cost(CBAM(8, 2).to(dtype), (1, 8, 4, 4)) == count_cost(CBAM(8, 2), (1, 8, 4, 4))


@pytest.mark.filterwarnings("ignore:cuDNN cannot be used")  # of a torch for GPUs before 2.7
def test_a_huge_image_costs_no_memory():
    assert count_cost(nn.Conv2d(3, 64, 3, padding=1), (64, 3, 10_000, 10_000)).macs == 64 * 64 * 27 * 10**8


@pytest.mark.parametrize(
    "size",
    [224, "224", (3, 224, 224), (1, 3, 224.0, 224), (1, 0, 4, 4), (1, 3, -1, 4), (True, 3, 4, 4), None],
)
def test_a_size_that_is_none_is_named(size):
    with pytest.raises(ValueError, match=r"^input_size is ") as caught:
        count_cost(nn.Conv2d(3, 3, 1), size)
    assert str(caught.value) == (
        f"input_size is {size!r}; give four whole numbers (N, C, H, W) such as (1, 3, 224, 224)."
    )


def test_an_input_that_the_model_cannot_take_says_why():
    with pytest.raises(ValueError, match="CBAM could not run") as caught:
        count_cost(CBAM(8, 2), (1, 4, 5, 5))
    assert str(caught.value) == (
        "CBAM could not run on input_size=(1, 4, 5, 5): x has 4 channels, and this module was made with "
        "in_channels=8; make it with in_channels=4, or give it 8 channels."
    )


def test_what_is_no_model_or_not_complete_yet_is_named():
    with pytest.raises(TypeError, match=r"^model is a type; give a torch.nn.Module\.$"):
        count_cost(CBAM, (1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"^model has lazy layers whose size is not known yet; run it once"):
        count_cost(nn.LazyConv2d(3, 1), (1, 3, 4, 4))
