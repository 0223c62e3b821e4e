"""What every attention module can do in every convention: sizes, dtypes, formats, export, compile, copies."""

import copy
import pickle

import pytest
import torch
from torch.export import Dim
from torch.testing import assert_close

from cbam_course.attention import CBAM, ChannelAttention, SpatialAttention, SqueezeExcitation

MAKERS = {
    "SqueezeExcitation": lambda convention: SqueezeExcitation(6, 2, convention=convention),
    "ChannelAttention": lambda convention: ChannelAttention(6, 2, convention=convention),
    "SpatialAttention": lambda convention: SpatialAttention(3, convention=convention),
    "CBAM": lambda convention: CBAM(6, 2, 3, convention=convention),
}


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture(params=["lesson", "paper", "timm"])
def module(request, make):
    torch.manual_seed(0)
    return make(request.param).eval()


@pytest.mark.parametrize("size", [(0, 6, 4, 4), (1, 6, 4, 4), (2, 6, 1, 1), (1, 6, 1, 7)])
def test_empty_batches_single_images_and_1x1_maps_work(module, size):
    x = torch.randn(size, requires_grad=True)
    y = module(x)
    y.sum().backward()
    assert y.shape == x.grad.shape == size


def test_an_empty_or_single_batch_trains_in_the_lesson_convention(make):
    module = make("lesson").train()
    for size in [(0, 6, 4, 4), (1, 6, 1, 1)]:
        module(torch.randn(size)).sum().backward()
    assert all(p.grad is not None for p in module.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.half, torch.double])
def test_the_output_has_the_dtype_of_the_input(module, dtype):
    x = torch.randn(2, 6, 5, 4)
    y = copy.deepcopy(module).to(dtype)(x.to(dtype))
    assert y.dtype == dtype
    assert_close(y.float(), module(x), atol=0.05, rtol=0.05)


def test_under_autocast_the_output_keeps_the_dtype_of_the_input(module):
    x = torch.randn(2, 6, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).dtype == torch.float32
        assert module(x.bfloat16()).dtype == torch.bfloat16


def test_channels_last_stays_channels_last(module):
    x = torch.randn(2, 6, 5, 4)
    y = module(x.to(memory_format=torch.channels_last))
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert module(x).is_contiguous()
    assert_close(y, module(x))


def test_the_input_is_left_as_it_was(module):
    x = torch.randn(2, 6, 5, 4)
    before = x.clone()
    module(x)
    assert_close(x, before, rtol=0, atol=0)


def test_an_exported_module_takes_other_batches_and_sizes(module):
    # torch 2.6 needs to be told a largest batch.
    dynamic = {"x": {0: Dim("n", min=2, max=1024), 2: Dim("h", min=2), 3: Dim("w", min=2)}}
    exported = torch.export.export(module, (torch.randn(2, 6, 5, 4),), dynamic_shapes=dynamic).module()
    x = torch.randn(3, 6, 7, 9)
    assert_close(exported(x), module(x))


def test_a_compiled_module_is_one_graph_and_agrees(module):
    # "aot_eager" traces forward and backward as the default backend does, and needs no C++ compiler.
    torch.compiler.reset()
    x = torch.randn(2, 6, 5, 4)
    assert_close(torch.compile(module, backend="aot_eager", fullgraph=True)(x), module(x))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_and_independent(module, duplicate):
    x = torch.randn(2, 6, 5, 4)
    twin, before = duplicate(module), module(x)
    assert_close(twin(x), before)
    with torch.no_grad():
        for p in twin.parameters():
            p.add_(1)
    assert_close(module(x), before)
