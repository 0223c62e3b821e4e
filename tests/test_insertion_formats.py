"""Inserted attention under export, compile and replication, and what is documented not to work."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torchvision.models import resnet

from cbam_course import CBAM, insert_attention
from cbam_course.networks.attached import IdentityStart


@pytest.fixture
def model():
    torch.manual_seed(0)
    plain = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=5).eval()
    return insert_attention(plain, lambda channels: CBAM(channels, 4))


@pytest.fixture
def x():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def without_hooks(model, x):
    hooks = {m: dict(m._forward_hooks) for m in model.modules()}
    for m in hooks:
        m._forward_hooks.clear()
    y = model(x)
    for m, own in hooks.items():
        m._forward_hooks.update(own)
    return y


def test_the_tests_below_would_notice_attention_that_does_not_run(model, x):
    assert not torch.allclose(without_hooks(model, x), model(x))


def test_export_keeps_the_attention(model, x):
    exported = torch.export.export(model, (x,)).module()
    assert_close(exported(x), model(x))


def test_export_keeps_the_alpha_of_identity_insertion():
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), torch.randn(2, 3, 4, 4)
    insert_attention(model, lambda channels: CBAM(channels, 2), where=["1"], identity=True)
    nn.init.constant_(model[1].attention.alpha, 0.5)
    assert_close(torch.export.export(model, (x,)).module()(x), model(x))
    assert not torch.allclose(without_hooks(model, x), model(x))


def test_compile_keeps_the_attention(model, x):
    torch.compiler.reset()
    assert_close(torch.compile(model, backend="aot_eager", fullgraph=True)(x), model(x), atol=1e-5, rtol=1e-5)


def test_a_replica_runs_the_attention_that_was_replicated_with_it(model):
    # What torch.nn.parallel.replicate does to every module, without the copying between GPUs.
    norm = model.layer1[0].bn2
    replica, attention = norm._replicate_for_data_parallel(), norm.attention._replicate_for_data_parallel()
    replica._modules["attention"] = attention
    replica._parameters, replica._buffers = dict(norm._parameters), dict(norm._buffers)
    attention.forward = lambda x: x * 0
    x = torch.randn(2, 64, 4, 4)
    assert_close(replica(x), torch.zeros_like(x))
    assert norm(x).abs().sum() > 0


def test_channels_last_stays_channels_last(model, x):
    expected, formats = model(x), []
    model = model.to(memory_format=torch.channels_last)
    model.layer1.register_forward_hook(
        lambda module, inputs, y: formats.append(y.is_contiguous(memory_format=torch.channels_last))
    )
    assert_close(model(x.to(memory_format=torch.channels_last)), expected, atol=1e-4, rtol=1e-4)
    assert formats == [True]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.half, torch.double])
def test_attention_takes_the_dtype_of_the_network(dtype, x):
    torch.manual_seed(0)
    plain = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=5).eval().to(dtype)
    model = insert_attention(plain, CBAM, identity=True)
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert model(x.to(dtype)).dtype == dtype


def test_a_network_without_memory_gets_attention_without_memory():
    with torch.device("meta"):
        model = resnet.resnet18()
    insert_attention(model, CBAM)
    assert {p.device.type for p in model.parameters()} == {"meta"}


def test_training_reaches_every_weight_of_the_attention(model, x):
    model.train()
    loss = sum(model(x + i).square().sum() for i in range(3))
    loss.backward()
    gradients = [p.grad.abs().sum() for n, p in model.named_parameters() if ".attention." in n]
    assert len(gradients) == 12
    assert all(g > 0 for g in gradients)


def test_conversion_to_syncbatchnorm_loses_the_attention_as_documented(model, x):
    plain = without_hooks(model, x)
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert not any(m._forward_hooks for m in converted.modules())
    for module in list(converted.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.SyncBatchNorm):  # which does not run on a CPU
                norm = nn.BatchNorm2d(child.num_features).eval()
                norm.load_state_dict(child.state_dict(), strict=False)
                setattr(module, name, norm)
    assert_close(converted(x), plain)


def test_conversion_to_syncbatchnorm_before_insertion_keeps_the_attention():
    plain = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1])
    model = insert_attention(nn.SyncBatchNorm.convert_sync_batchnorm(plain), CBAM)
    assert isinstance(model.layer1[0].bn2, nn.SyncBatchNorm)
    assert isinstance(model.layer1[0].bn2.attention, CBAM)


def test_fusing_batchnorm_after_insertion_fails_as_documented(model, x):
    block = model.layer1[0]
    block.conv2 = nn.utils.fusion.fuse_conv_bn_eval(block.conv2, block.bn2)
    block.bn2 = nn.Identity()  # the attention went with the BatchNorm that carried it
    assert not hasattr(block.bn2, "attention")
    assert not any(isinstance(m, CBAM) for m in block.modules())
    assert model(x).shape == (2, 5)


def test_identity_insertion_changes_no_output_at_all_and_learns_its_alpha_first(x):
    torch.manual_seed(0)
    model = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=5).eval()
    before = model(x)
    insert_attention(model, lambda channels: CBAM(channels, 4), identity=True)
    assert torch.equal(model(x), before)
    steps = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        steps.zero_grad()
        model(x).square().sum().backward()
        steps.step()
    starts = [m for m in model.modules() if isinstance(m, IdentityStart)]
    assert all(m.alpha != 0 for m in starts)
    assert all(p.grad.abs().sum() > 0 for m in starts for p in m.attention.parameters())
    assert not torch.equal(model(x), before)


def test_weights_saved_under_the_old_name_of_alpha_still_load():
    model = insert_attention(nn.Sequential(nn.Conv2d(3, 4, 1)), CBAM, where=["0"], identity=True)
    nn.init.constant_(model[0].attention.alpha, 0.25)
    old = {name.replace(".alpha", ".strength"): value.clone() for name, value in model.state_dict().items()}
    assert "0.attention.strength" in old
    fresh = insert_attention(nn.Sequential(nn.Conv2d(3, 4, 1)), CBAM, where=["0"], identity=True)
    fresh.load_state_dict(old)
    assert fresh[0].attention.alpha.item() == 0.25
    assert "0.attention.strength" in old  # the caller's dictionary is not touched
