"""The fused modules agree with the readable ones: outputs, gradients, statistics, and everything around them."""

import copy
import io
import itertools
import warnings

import pytest
import torch
import torchvision
from torch import nn
from torch.testing import assert_close

from cbam_course import (
    CBAM,
    ChannelAttention,
    SpatialAttention,
    SqueezeExcitation,
    capture,
    count_cost,
    insert_attention,
    remove_attention,
)
from cbam_course.attention import fused
from cbam_course.attention.fused import FusedCBAM, fuse, left_readable, unfuse

CLASSES = (SqueezeExcitation, ChannelAttention, SpatialAttention, CBAM)
CONVENTIONS = ("lesson", "paper", "timm")
CHANNELS = 24


def make(kind, convention="lesson", dtype=torch.float64, channels=CHANNELS):
    torch.manual_seed(1)
    module = (
        kind(convention=convention) if kind is SpatialAttention else kind(channels, 4, convention=convention)
    )
    for p in module.parameters():
        nn.init.normal_(p, std=0.4)
    return module.to(dtype)


def feature_map(values="distinct", size=(3, CHANNELS, 7, 9), dtype=torch.float64, layout="contiguous"):
    torch.manual_seed(2)
    x = torch.randn(size, dtype=dtype)
    if values == "relu":  # dead channels, and positions where nothing fires
        x = x.relu()
        x[0, 1] = 0
        x[1, :, 2, 3] = 0
    elif values == "zero":
        x = torch.zeros_like(x)
    elif values == "few":
        x = x.round()
    return x.to(memory_format=torch.channels_last) if layout == "channels_last" else x


def results(module, x, *, wants_x=True):
    """Output and gradients, and the statistics that a BatchNorm keeps."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_(wants_x)
    torch.manual_seed(3)
    module.zero_grad(set_to_none=True)
    y = module(x)
    y.backward(torch.randn_like(y))
    return y.detach(), x.grad, *(p.grad for p in module.parameters()), *(b.clone() for b in module.buffers())


@pytest.fixture(params=["one block", "many blocks"])
def block(request, monkeypatch):
    if request.param == "many blocks":
        monkeypatch.setattr(fused, "_BLOCK_BYTES", 1)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("values", ["distinct", "relu", "zero", "few"])
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.usefixtures("block")
def test_output_gradients_and_statistics_are_those_of_the_readable_module(kind, convention, values, layout):
    readable = make(kind, convention)
    module = fuse(copy.deepcopy(readable))
    assert type(module) is not kind
    x = feature_map(values, layout=layout)
    for training in (True, False):
        expected = results(readable.train(training), x)
        actual = results(module.train(training), x)
        assert_close(actual, expected)
        assert [t.stride() for t in actual[:2]] == [t.stride() for t in expected[:2]]
        with torch.inference_mode():
            assert_close(module.eval()(x), readable.eval()(x))


@pytest.mark.parametrize("values", ["distinct", "relu"])
@pytest.mark.parametrize("kind", CLASSES)
def test_in_float32_they_agree_up_to_rounding(kind, values):
    readable, x = make(kind, "paper", torch.float32), feature_map(values, dtype=torch.float32)
    actual, expected = results(fuse(copy.deepcopy(readable)), x), results(readable, x)
    assert_close(actual, expected, rtol=1e-4, atol=3e-4)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("kind", CLASSES)
def test_gradients_agree_with_finite_differences(kind, convention):
    module = fuse(make(kind, convention, channels=6))
    x = torch.linspace(-2, 2, 2 * 6 * 4 * 3, dtype=torch.float64)[torch.randperm(144)].view(2, 6, 4, 3)
    parameters = tuple(module.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: module(x), (x.requires_grad_(), *parameters))


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("kind", CLASSES)
def test_second_derivatives_are_those_of_the_readable_module(kind, convention):
    readable = make(kind, convention)
    found = []
    for module in (readable, fuse(copy.deepcopy(readable))):
        x = feature_map("relu").requires_grad_()
        wanted = (x, *module.parameters())
        y = module(x)
        first = torch.autograd.grad((y**2).sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum((g**3).sum() for g in first), wanted)
        found.append((*first, *second, *(b.clone() for b in module.buffers())))
    assert_close(found[1], found[0])


@pytest.mark.parametrize("kind", CLASSES)
def test_a_frozen_part_gets_no_gradient_and_the_rest_its_own(kind):
    readable = make(kind)
    assert_close(
        results(fuse(copy.deepcopy(readable)), feature_map(), wants_x=False)[2:],
        results(readable, feature_map(), wants_x=False)[2:],
    )
    readable.requires_grad_(False)
    frozen = fuse(copy.deepcopy(readable))
    assert_close(results(frozen, feature_map()), results(readable, feature_map()))
    next(readable.parameters()).requires_grad_(True)
    half = fuse(copy.deepcopy(readable))
    assert_close(results(half, feature_map()), results(readable, feature_map()))


@pytest.mark.parametrize("kind", CLASSES)
def test_a_gradient_may_come_expanded_or_in_another_memory_format(kind):
    readable = make(kind)
    module = fuse(copy.deepcopy(readable))
    for change in (
        lambda y: y,
        lambda y: y.contiguous(memory_format=torch.channels_last) * 1.0,
        lambda y: y.mT,
    ):
        found = []
        for m in (readable, module):
            x = feature_map().requires_grad_()
            found.append(torch.autograd.grad(change(m(x)).sum(), (x, *m.parameters())))
        assert_close(found[1], found[0])


@pytest.mark.parametrize("kind", CLASSES)
def test_the_backward_pass_may_run_twice(kind):
    module = fuse(make(kind))
    x = feature_map().requires_grad_()
    loss = (module(x) ** 2).sum()
    wanted = (x, *module.parameters())
    assert_close(torch.autograd.grad(loss, wanted, retain_graph=True), torch.autograd.grad(loss, wanted))


@pytest.mark.parametrize("kind", CLASSES)
def test_what_follows_may_add_in_place(kind):
    readable = make(kind)
    found = []
    for module in (readable, fuse(copy.deepcopy(readable))):
        x = feature_map("relu").requires_grad_()
        y = module(x)
        y += x
        y.relu_()
        found.append((y, *torch.autograd.grad((y**2).sum(), (x, *module.parameters()))))
    assert_close(found[1], found[0])


@pytest.mark.parametrize("kind", CLASSES)
def test_an_input_changed_before_the_backward_pass_is_an_error(kind):
    module = fuse(make(kind))
    x = feature_map().requires_grad_() * 1.0
    y = module(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize(
    "size", [(0, CHANNELS, 5, 5), (1, CHANNELS, 5, 5), (2, CHANNELS, 1, 1), (2, CHANNELS, 1, 6)]
)
@pytest.mark.parametrize("kind", CLASSES)
def test_empty_and_single_batches_and_maps_of_one_pixel(kind, size):
    readable, x = make(kind), feature_map(size=size)
    assert_close(results(fuse(copy.deepcopy(readable)), x), results(readable, x))


@pytest.mark.parametrize("kind", CLASSES)
def test_infinite_values_and_nan_are_passed_on_alike(kind):
    readable = make(kind)
    module = fuse(copy.deepcopy(readable))
    for value in (torch.nan, torch.inf):
        x = feature_map()
        x[0, 2, 3, 3] = value
        expected, actual = results(readable, x), results(module, x)
        assert_close(actual[0][1:], expected[0][1:])
        assert_close(actual[0], expected[0], equal_nan=True)
        assert_close(actual[1], expected[1], equal_nan=True)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_runs_the_readable_operations(kind, dtype):
    readable = make(kind, "paper", dtype)
    x = feature_map("relu", dtype=dtype)
    actual, expected = results(fuse(copy.deepcopy(readable)), x), results(readable, x)
    assert_close(actual, expected, rtol=0, atol=0)


def test_under_autocast_the_result_is_that_of_the_readable_module():
    readable, x = make(CBAM, "paper", torch.float32), feature_map(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual, expected = results(fuse(copy.deepcopy(readable)), x), results(readable, x)
    assert_close(actual, expected, rtol=0, atol=0)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_strided_input_and_a_mistaken_one_are_treated_alike(kind):
    readable = make(kind)
    module = fuse(copy.deepcopy(readable))
    wide = feature_map(size=(3, CHANNELS, 14, 18))[:, :, ::2, ::2]
    assert_close(results(module, wide), results(readable, wide))
    if kind is SpatialAttention:
        mistakes = (feature_map().float(), feature_map()[0])
    else:
        mistakes = (feature_map().float(), feature_map()[0], feature_map(size=(3, 5, 7, 9)))
    for x in mistakes:
        with pytest.raises((TypeError, ValueError)) as expected:
            readable(x)
        with pytest.raises(type(expected.value)) as actual:
            module(x)
        assert str(actual.value) == str(expected.value)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_matrix_product_of_low_precision_may_not_move_a_gradient(kind, monkeypatch):
    # With torch.set_float32_matmul_precision("medium") sums of the places may come out wrong.
    readable = make(kind)
    expected = results(readable, feature_map("few"))[1]
    exact = torch.bmm

    def rounded(a, b, out=None):
        result = exact(a, b) if a.amax() <= 1 else exact(a.bfloat16().double(), b)
        return result if out is None else out.copy_(result)

    monkeypatch.setattr(torch, "bmm", rounded)
    assert_close(results(fuse(copy.deepcopy(readable)), feature_map("few"))[1], expected)


@pytest.mark.parametrize("kind", CLASSES)
def test_export_and_compile_take_any_batch_and_size(kind):
    module = fuse(make(kind, dtype=torch.float32)).eval()
    example = feature_map(dtype=torch.float32)
    dims = {0: torch.export.Dim("n"), 2: torch.export.Dim("h"), 3: torch.export.Dim("w")}
    program = torch.export.export(module, (example,), dynamic_shapes=(dims,)).module()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True, dynamic=True)
    for size in ((3, CHANNELS, 7, 9), (5, CHANNELS, 12, 4)):
        x = feature_map(size=size, dtype=torch.float32)
        assert_close(program(x), module(x))
        assert_close(compiled(x), module(x))


def test_a_compiled_module_trains_as_the_fused_one_does():
    module = fuse(make(CBAM, "paper"))
    expected = results(copy.deepcopy(module), feature_map("relu"))
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    assert_close(results(compiled, feature_map("relu")), expected)


def test_tracing_gives_a_program_for_other_sizes():
    module = fuse(make(CBAM, dtype=torch.float32)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated and warns of the checks
        traced = torch.jit.trace(module, feature_map(dtype=torch.float32))
    x = feature_map(size=(2, CHANNELS, 5, 6), dtype=torch.float32)
    assert_close(traced(x), module(x))


def test_checkpointing_gives_the_same_gradients():
    module, x = fuse(make(CBAM)), feature_map()
    expected = results(module, x)
    again = copy.deepcopy(module)
    run = lambda x: torch.utils.checkpoint.checkpoint(again, x, use_reentrant=False)  # noqa: E731
    x = x.clone().requires_grad_()
    torch.manual_seed(3)
    again.zero_grad()
    run(x).backward(torch.randn_like(x))
    assert_close((x.grad, *(p.grad for p in again.parameters())), expected[1:])


def test_fuse_and_unfuse_change_the_class_and_nothing_else():
    readable = make(CBAM, "paper")
    module = copy.deepcopy(readable)
    names, parameters = list(module.state_dict()), list(module.parameters())
    assert fuse(module) is module
    assert type(module) is FusedCBAM
    assert isinstance(module, CBAM)
    assert list(module.state_dict()) == names
    assert all(a is b for a, b in zip(module.parameters(), parameters, strict=True))
    assert left_readable(module) == {}
    for other in (copy.deepcopy(module), _stored(module), fuse(fuse(module))):
        assert type(other) is FusedCBAM
        assert_close(other(feature_map()), module(feature_map()))
        other.load_state_dict(readable.state_dict())
    assert unfuse(module) is module
    assert [type(m) for m in module.modules()] == [type(m) for m in readable.modules()]


def _stored(module):
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize("identity", [False, True])
@pytest.mark.parametrize("kind", CLASSES)
def test_inserted_attention_is_fused_where_it_stands(kind, identity):
    torch.manual_seed(0)
    model = torchvision.models.resnet18(num_classes=5).double()
    factory = (lambda c: kind(convention="paper")) if kind is SpatialAttention else kind
    insert_attention(model, factory, identity=identity)
    for name, p in model.named_parameters():
        if name.endswith("strength"):
            nn.init.constant_(p, 0.5)
    twin = fuse(copy.deepcopy(model))
    assert sum(type(m) in fused._READABLE for m in twin.modules()) >= 8
    assert list(twin.state_dict()) == list(model.state_dict())
    x = feature_map(size=(2, 3, 32, 32))
    assert_close(results(twin, x), results(model, x), rtol=1e-6, atol=1e-6)
    plain = remove_attention(copy.deepcopy(twin))
    assert not any(type(m) in fused._READABLE for m in plain.modules())
    assert_close(unfuse(twin).eval()(x), model.eval()(x))


def test_capture_records_the_gates_of_fused_modules():
    readable = make(CBAM)
    module = fuse(copy.deepcopy(readable))
    with capture(readable) as expected, capture(module) as actual:
        y = readable(feature_map())
        assert_close(module(feature_map()), y)
    assert_close(actual, expected)
    assert all(len(gates) == 1 for gates in actual.values())


@pytest.mark.parametrize("part", ["channel", "channel.mlp", "channel.mlp.1", "spatial", "spatial.conv"])
def test_a_hook_on_a_part_sees_its_call(part):
    module, seen = fuse(make(CBAM)), []
    module.get_submodule(part).register_forward_hook(lambda *call: seen.append(call))
    module(feature_map())
    assert seen


def test_the_cost_of_a_fused_model_is_that_of_the_readable_one():
    readable = make(CBAM)
    assert count_cost(fuse(copy.deepcopy(readable)), (2, CHANNELS, 8, 8)) == count_cost(
        readable, (2, CHANNELS, 8, 8)
    )


def test_what_cannot_be_fused_stays_and_is_told():
    class Own(CBAM):
        """A subclass may do anything in its forward."""

    normed = CBAM(CHANNELS)
    normed.spatial.norm = nn.InstanceNorm2d(1)
    dilated = CBAM(CHANNELS)
    dilated.spatial.conv = nn.Conv2d(2, 1, 3, padding=2, dilation=2, bias=False)
    deep = ChannelAttention(CHANNELS)
    deep.mlp = nn.Sequential(nn.Linear(CHANNELS, 3), nn.GELU(), nn.Linear(3, CHANNELS))
    swapped = CBAM(CHANNELS)
    swapped.channel = SqueezeExcitation(CHANNELS)
    model = nn.ModuleDict(
        {
            "own": Own(CHANNELS),
            "normed": normed,
            "dilated": dilated,
            "deep": deep,
            "swapped": swapped,
            "good": CBAM(8),
        }
    )
    expected = {name: copy.deepcopy(m) for name, m in model.items()}
    reasons = left_readable(fuse(model))
    assert set(reasons) == {
        "own",
        "normed",
        "normed.spatial",
        "dilated",
        "dilated.spatial",
        "deep",
        "swapped",
    }
    assert "Own" in reasons["own"]
    assert "InstanceNorm2d" in reasons["normed"]
    assert "GELU" in reasons["deep"]
    assert "SqueezeExcitation" in reasons["swapped"]
    for name, module in expected.items():
        x = torch.randn(2, 8 if name == "good" else CHANNELS, 6, 6)
        assert_close(model[name](x), module(x))
    with pytest.raises(TypeError, match="list"):
        fuse([CBAM(8)])


@pytest.mark.parametrize("kind", CLASSES)
def test_the_short_cut_is_really_taken(kind, monkeypatch):
    module, x = fuse(make(kind)), feature_map()
    for way in ("_train", "_evaluate"):
        monkeypatch.setattr(fused, way, lambda *_: pytest.fail("short cut"))
    runs = [module, torch.no_grad()(module)] if kind in (SpatialAttention, CBAM) else [module]
    for run in runs:
        with pytest.raises(pytest.fail.Exception, match="short cut"):
            run(x)


@pytest.mark.parametrize("size", [(4, 4), (9, 9)])
@pytest.mark.parametrize("channels", [66, 130, 256])
def test_many_channels_on_small_and_large_maps_without_gradients(channels, size):
    """Where the mean over channels is one, and where the maximum is taken by halves."""
    torch.manual_seed(0)
    readable = CBAM(channels).double().eval()
    module, x = fuse(copy.deepcopy(readable)), feature_map(size=(2, channels, *size))
    with torch.no_grad():
        assert_close(module(x), readable(x))


@pytest.mark.parametrize("statistics", [True, False])
def test_a_norm_over_the_batch_sees_all_images_without_gradients_too(statistics, monkeypatch):
    """One image at a time, each would be normalised by itself."""
    monkeypatch.setattr(fused, "_BLOCK_BYTES", 1)
    readable = CBAM(CHANNELS, 2, convention="paper").train(statistics)
    readable.spatial.norm = nn.BatchNorm2d(1, track_running_stats=statistics).train(statistics)
    readable = readable.double()
    module, x = fuse(copy.deepcopy(readable)), feature_map()
    with torch.no_grad():
        assert_close(module(x), readable(x))
    if statistics:
        assert_close(module.spatial.norm.running_mean, readable.spatial.norm.running_mean)


def test_shapes_may_change_from_call_to_call():
    readable = make(CBAM)
    module = fuse(copy.deepcopy(readable))
    for n, h, w in itertools.product((1, 4), (3, 8), (5, 6)):
        x = feature_map(size=(n, CHANNELS, h, w))
        assert_close(results(module, x), results(readable, x))
