"""The networks people use: how many places each has, how wide, and that attention runs at all of them."""

import pytest
import timm
import torch
import torchvision
from torch import nn
from torchvision.models import detection, segmentation

from cbam_course import CBAM, SqueezeExcitation, insert_attention, remove_attention
from cbam_course.networks.finding_places import empty_like_weights, fake_copy

MODELS = torchvision.models

# network: where its first and its last branch end, their widths, and how many branches there are
CLASSIFIERS = {
    "resnet18": ("layer1.0.bn2", 64, "layer4.1.bn2", 512, 8),
    "resnet50": ("layer1.0.bn3", 256, "layer4.2.bn3", 2048, 16),
    "resnext50_32x4d": ("layer1.0.bn3", 256, "layer4.2.bn3", 2048, 16),
    "wide_resnet50_2": ("layer1.0.bn3", 256, "layer4.2.bn3", 2048, 16),
    "mobilenet_v2": ("features.3.conv.3", 24, "features.16.conv.3", 160, 10),
    "mobilenet_v3_small": ("features.3.block.2.1", 24, "features.11.block.3.1", 96, 6),
    "mobilenet_v3_large": ("features.1.block.1.1", 16, "features.15.block.3.1", 160, 10),
    "efficientnet_b0": ("features.2.1.block.3.1", 24, "features.6.3.block.3.1", 192, 9),
    "convnext_tiny": ("features.1.0.stochastic_depth", 96, "features.7.2.stochastic_depth", 768, 18),
}
TIMM = {
    "resnet18": ("layer1.0.bn2", 64, "layer4.1.bn2", 512, 8),
    "resnet50": ("layer1.0.bn3", 256, "layer4.2.bn3", 2048, 16),
    "resnet50d": ("layer1.0.bn3", 256, "layer4.2.bn3", 2048, 16),
    "seresnet50": ("layer1.0.se", 256, "layer4.2.se", 2048, 16),
    "resnetv2_50": ("stages.0.blocks.0.conv3", 256, "stages.3.blocks.2.conv3", 2048, 16),
}
WITH_BACKBONE = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": (detection, 10),
    "retinanet_resnet50_fpn": (detection, 16),
    "fcn_resnet50": (segmentation, 16),
    "lraspp_mobilenet_v3_large": (segmentation, 10),
}


def without_memory(make, **options):
    with torch.device("meta"):
        return make(**options)


def ends(model):
    return {name.removesuffix(".attention"): m for name, m in model.named_modules() if isinstance(m, CBAM)}


def ran(model, size):
    """Run a fake copy in training mode, and return the names of the attention modules that ran, in order."""
    twin, fakes = fake_copy(model)
    names = []
    for name, module in ends(twin).items():
        module.register_forward_hook(lambda module, inputs, output, name=name: names.append(name))
    with torch.no_grad(), fakes:
        twin.train()(empty_like_weights(model, size))
    return names


def assert_inserted(model, first, first_width, last, last_width, count):
    keys = list(model.state_dict())
    insert_attention(model, CBAM)
    found = ends(model)
    assert len(found) == count
    assert [next(iter(found)), list(found)[-1]] == [first, last]
    assert found[first].channel.in_channels == first_width
    assert found[last].channel.in_channels == last_width
    assert ran(model, (2, 3, 64, 64)) == list(found)
    assert list(remove_attention(model).state_dict()) == keys


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_torchvision_classifiers(name):
    assert_inserted(without_memory(getattr(MODELS, name)), *CLASSIFIERS[name])


def test_a_regnet():
    stages = "trunk_output.block1.block1-0.f.c.1", 48, "trunk_output.block4.block4-5.f.c.1", 440, 16
    assert_inserted(MODELS.regnet_y_400mf(), *stages)  # computes its widths, so it cannot be made on "meta"


@pytest.mark.parametrize("name", TIMM)
def test_timm_resnets(name):
    assert_inserted(without_memory(timm.create_model, model_name=name), *TIMM[name])


@pytest.mark.parametrize("name", WITH_BACKBONE)
def test_detectors_and_segmenters_get_it_in_their_backbone_alone(name):
    home, count = WITH_BACKBONE[name]
    model = without_memory(getattr(home, name), weights=None, weights_backbone=None)
    insert_attention(model, CBAM)
    assert len(ends(model)) == count
    assert all(place.startswith("backbone.") for place in ends(model))


def test_a_detector_with_attention_trains_and_detects():
    torch.manual_seed(0)
    backbone = nn.Sequential(torchvision.models.mobilenet_v2(weights=None).features[:5])
    backbone.out_channels = 32
    model = detection.FasterRCNN(
        backbone,
        num_classes=2,
        rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((16,),), ((1.0,),)),
        box_roi_pool=torchvision.ops.MultiScaleRoIAlign(["0"], 3, 2),
        min_size=64,
        max_size=64,
    )
    insert_attention(model, SqueezeExcitation, identity=True)
    image, box = torch.rand(3, 64, 64), torch.tensor([[8.0, 8.0, 40.0, 40.0]])
    losses = model([image], [{"boxes": box, "labels": torch.tensor([1])}])
    sum(losses.values()).backward()
    alphas = [p for name, p in model.named_parameters() if name.endswith("alpha")]
    assert len(alphas) == 1
    assert all(p.grad != 0 for p in alphas)
    assert set(model.eval()([image])[0]) == {"boxes", "labels", "scores"}


def test_a_segmenter_with_attention_learns():
    torch.manual_seed(0)
    model = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=2)
    insert_attention(model, SqueezeExcitation)
    model(torch.rand(2, 3, 32, 32))["out"].square().mean().backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if "attention" in name)
