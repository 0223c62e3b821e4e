"""The residual networks of this course."""

import pytest
import torch
import torchvision
from torch.testing import assert_close

from cbam_course import CBAM, count_cost, insert_attention
from cbam_course.networks.resnet import BasicBlock, CifarResNet, imagenet_resnet


@pytest.mark.parametrize(("blocks", "parameters"), [(3, 269_722), (5, 464_154), (9, 853_018)])
def test_its_parameters_are_those_that_he_et_al_report(blocks, parameters):
    # 0.27, 0.46 and 0.85 million for 20, 32 and 56 layers (table 6)
    assert count_cost(CifarResNet(blocks), (1, 3, 32, 32)).parameters == parameters


def test_a_block_is_its_branch_plus_every_other_pixel_with_channels_of_0_appended():
    torch.manual_seed(0)
    block, x = BasicBlock(2, 3, stride=2).eval(), torch.randn(1, 2, 5, 5)
    branch = block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))
    expected = branch.clone()
    for c, i, j in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(3)).tolist():
        expected[0, c, i, j] += x[0, c, 2 * i, 2 * j]
    assert_close(block(x), expected.relu())


def test_it_takes_other_sizes_and_numbers_of_classes():
    model = CifarResNet(1, num_classes=4).eval()
    assert model(torch.randn(2, 3, 20, 12)).shape == (2, 4)


def test_it_has_a_place_for_attention_in_every_block():
    model = insert_attention(CifarResNet(3), lambda channels: CBAM(channels, 4))
    names = [name for name, module in model.named_modules() if isinstance(module, CBAM)]
    assert names == [f"layer{i}.{j}.bn2.attention" for i in (1, 2, 3) for j in (0, 1, 2)]


def test_the_stride_moves_and_nothing_else():
    torch.manual_seed(0)
    ours = imagenet_resnet("resnet50", stride="3x3").eval()
    theirs = torchvision.models.resnet50().eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(1, 3, 32, 32)
    assert_close(ours(x), theirs(x))
    papers = imagenet_resnet("resnet50").eval()
    papers.load_state_dict(ours.state_dict())
    assert papers.layer2[0].conv1.stride == (2, 2)
    assert papers.layer2[0].conv2.stride == (1, 1)
    assert papers(x).shape == (1, 1000)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: CifarResNet(0), "blocks is 0; give a whole number of at least 1."),
        (lambda: CifarResNet(3, 0), "num_classes is 0; give a whole number of at least 1."),
        (lambda: imagenet_resnet("resnet50", stride="2x2"), "stride is '2x2'; choose '1x1' or '3x3'."),
        (
            lambda: imagenet_resnet("resnet19"),
            "name is 'resnet19'; choose one of resnet18, resnet34, resnet50, resnet101, resnext50_32x4d, "
            "resnext101_32x4d.",
        ),
    ],
)
def test_bad_arguments_are_named(call, sentence):
    with pytest.raises(ValueError, match=r"give|choose") as caught:
        call()
    assert str(caught.value) == sentence
