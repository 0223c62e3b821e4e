"""Inserted attention: where it goes, what it leaves alone, and that it can be taken out again."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torchvision.models import resnet

from cbam_course import CBAM, ChannelAttention, SqueezeExcitation, capture, insert_attention, remove_attention


def small(block=resnet.BasicBlock):
    """torchvision's own ResNet with one block a stage and with BatchNorm statistics like a trained one's."""
    torch.manual_seed(0)
    model = resnet.ResNet(block, [1, 1, 1, 1], num_classes=5).eval()
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return model


def places(model):
    return [name for name, module in model.named_modules() if name.endswith("attention")]


@pytest.fixture
def x():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


class ByHand(resnet.BasicBlock):
    """A residual block written out with its attention, to compare with."""

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out = self.se(out)
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


def test_in_a_residual_block_it_stands_after_the_last_batchnorm_and_before_the_addition(x):
    model = small()
    by_hand = copy.deepcopy(model)
    insert_attention(model, lambda channels: CBAM(channels, 4))
    for stage in (by_hand.layer1, by_hand.layer2, by_hand.layer3, by_hand.layer4):
        stage[0].__class__ = ByHand
    for name in ("layer1", "layer2", "layer3", "layer4"):
        by_hand.get_submodule(name)[0].se = model.get_submodule(name)[0].bn2.attention
    assert_close(model(x), by_hand(x), rtol=0, atol=0)


def test_in_a_bottleneck_it_is_as_wide_as_the_output_of_the_block_not_as_planes():
    model = insert_attention(small(resnet.Bottleneck), CBAM)
    widths = [model.get_submodule(name).channel.in_channels for name in places(model)]
    assert widths == [256, 512, 1024, 2048]


def test_weights_keep_their_names_so_checkpoints_load_before_and_after():
    plain = small().state_dict()
    model = insert_attention(small(), CBAM)
    assert [key for key in model.state_dict() if "attention" not in key] == list(plain)
    result = model.load_state_dict(plain, strict=False)
    assert not result.unexpected_keys
    assert result.missing_keys == [key for key in model.state_dict() if ".attention." in key]
    with_attention = model.state_dict()
    model = remove_attention(model)
    model.load_state_dict(plain)
    insert_attention(model, CBAM).load_state_dict(with_attention)


def test_removal_gives_back_the_very_same_outputs(x):
    model = small()
    before, keys = model(x), list(model.state_dict())
    insert_attention(model, SqueezeExcitation)
    assert not torch.equal(model(x), before)
    assert remove_attention(model) is model
    assert torch.equal(model(x), before)
    assert list(model.state_dict()) == keys
    assert torch.equal(remove_attention(model)(x), before)


def test_insertion_changes_no_statistics_no_mode_and_no_random_state():
    model = small().train()
    model.layer2.eval()
    modes = {name: module.training for name, module in model.named_modules()}
    state = copy.deepcopy(model.state_dict())
    insert_attention(model, lambda channels: nn.Identity())
    assert_close(model.state_dict(), state, rtol=0, atol=0)
    assert {n: m.training for n, m in model.named_modules() if "attention" not in n} == modes
    assert model.layer1[0].bn2.attention.training
    assert not model.layer2[0].bn2.attention.training


def test_named_modules_are_followed(x):
    model = small()
    plain = copy.deepcopy(model)
    insert_attention(model, SqueezeExcitation, where=["layer3"])
    # layer3 is a Sequential, which would run one more child itself; its last block carries the attention.
    assert places(model) == ["layer3.0.attention"]
    features = nn.Sequential(*list(plain.children())[:7])(x)
    rest = nn.Sequential(*list(plain.children())[7:9], nn.Flatten(), plain.fc)
    assert_close(model(x), rest(model.layer3[0].attention(features)))


def test_one_name_may_be_given_alone():
    assert places(insert_attention(small(), CBAM, where="layer4")) == ["layer4.0.attention"]


def test_a_function_chooses_by_name_and_module_or_by_the_module_alone():
    by_both = insert_attention(small(), CBAM, where=lambda name, module: name.endswith(".bn1"))
    assert places(by_both) == [f"layer{i}.0.bn1.attention" for i in (1, 2, 3, 4)]
    by_module = insert_attention(small(), CBAM, where=lambda module: isinstance(module, nn.MaxPool2d))
    assert places(by_module) == ["maxpool.attention"]


def test_a_sequential_carries_it_on_its_last_module():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True)), nn.Flatten())
    x = torch.randn(2, 1, 8, 8)
    features = model[0](x)
    insert_attention(model, lambda channels: SqueezeExcitation(channels, 2), where=["0"])
    assert places(model) == ["0.1.attention"]
    assert_close(model(x), model[0][1].attention(features).flatten(1))


def test_a_block_that_nobody_has_seen_before_is_found_by_its_addition():
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.shortcut = nn.Conv2d(3, 6, 1)
            self.branch = nn.Sequential(
                nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 1), nn.Dropout()
            )

        def forward(self, x):
            return self.branch(x) + self.shortcut(x)

    assert places(insert_attention(nn.Sequential(Mine()), ChannelAttention)) == ["0.branch.2.attention"]


def test_a_branch_that_ends_in_an_activation_shared_by_all_blocks_gets_attention_of_its_own():
    activation = nn.ReLU()

    class ConvActivation(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act = nn.Conv2d(3, 3, 1), activation

        def forward(self, x):
            return self.act(self.conv(x))

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = ConvActivation()

        def forward(self, x):
            return x + self.branch(x)

    model = insert_attention(nn.Sequential(Shared(), Shared()), ChannelAttention)
    assert places(model) == ["0.branch.attention", "1.branch.attention"]


def test_capture_sees_inserted_gates(x):
    model = insert_attention(small(), CBAM)
    with capture(model) as gates:
        model(x)
    assert len(gates) == 8
    assert gates["layer4.0.bn2.attention.channel"][0].shape == (2, 512, 1, 1)
    assert gates["layer1.0.bn2.attention.spatial"][0].shape == (2, 1, 8, 8)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
@pytest.mark.parametrize("identity", [False, True])
def test_a_copy_runs_its_own_attention(duplicate, identity, x):
    model = insert_attention(small(), SqueezeExcitation, identity=identity)
    for p in (p for n, p in model.named_parameters() if n.endswith("alpha")):
        nn.init.constant_(p, 0.5)
    twin, before = duplicate(model), model(x)
    assert_close(twin(x), before, rtol=0, atol=0)
    with torch.no_grad():
        for name, p in twin.named_parameters():
            if ".attention." in name:
                p.add_(1)
    assert torch.equal(model(x), before)
    assert not torch.allclose(twin(x), before)
    assert torch.equal(remove_attention(twin)(x), remove_attention(model)(x))
