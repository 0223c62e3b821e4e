"""What cannot be inserted: one sentence, with what would be possible; the model stays as it was."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import densenet121, resnet, vgg11

from cbam_course import CBAM, SqueezeExcitation, insert_attention


def small():
    return resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=5)


def sentence(kind, model, *arguments, **options):
    keys = list(model.state_dict())
    with pytest.raises(kind) as caught:
        insert_attention(model, *arguments, **options)
    assert list(model.state_dict()) == keys
    assert not any(m._forward_hooks for m in model.modules() if not hasattr(m, "attention"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("make", "name", "possible"),
    [
        (vgg11, "VGG", "features, avgpool, features.0, features.1"),
        (densenet121, "DenseNet", "features, features.conv0, features.norm0"),
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), "Sequential", "0, 1."),
    ],
)
def test_a_network_without_additions_lists_usable_names(make, name, possible):
    with torch.device("meta"):
        model = make()
    said = sentence(ValueError, model, CBAM)
    assert said.startswith(
        f"where is 'residual', and {name} adds no residual branch to a shortcut; "
        f"give a list of module names: choose from {possible}"
    )


def test_the_names_it_lists_can_be_used():
    with torch.device("meta"):
        model = vgg11()
    listed = sentence(ValueError, model, CBAM).split("choose from ")[1].split(" and ")[0].split(", ")
    insert_attention(model, CBAM, where=listed[2:])
    assert sum(isinstance(m, CBAM) for m in model.modules()) == 10


def test_a_name_that_does_not_exist_lists_names_that_do():
    said = sentence(ValueError, small(), CBAM, where=["layer3", "layer9"])
    assert said == (
        "where holds 'layer9', which is no module of ResNet; choose from conv1, bn1, relu, maxpool, "
        "layer1, layer2, layer3, layer4, avgpool, layer1.0, layer2.0, layer3.0 and 30 more."
    )


def test_inserting_twice_says_so_and_lists_what_is_free():
    model = insert_attention(small(), CBAM, where=["layer1", "layer2"])
    said = sentence(ValueError, model, SqueezeExcitation, where=["layer2"])
    assert said.startswith("where holds 'layer2', which has attention already; choose from conv1, ")
    assert " layer1," not in said
    assert " layer3," in said
    model = insert_attention(small(), CBAM)
    said = sentence(ValueError, model, CBAM)
    assert said.startswith(
        "where is 'residual', and a branch ends in 'layer1.0.bn2', which has attention already; choose from"
    )


def test_a_second_insertion_elsewhere_is_fine():
    model = insert_attention(insert_attention(small(), CBAM), SqueezeExcitation, where=["conv1"])
    assert isinstance(model.conv1.attention, SqueezeExcitation)


def test_what_gives_no_feature_map_is_named():
    said = sentence(ValueError, small(), CBAM, where=["fc"])
    assert said.startswith("where holds 'fc', whose output is 2-D and not a feature map (N, C, H, W); choose")


def test_a_module_that_does_not_run_is_named():
    model = small()
    model.spare = nn.Conv2d(3, 3, 1)
    said = sentence(ValueError, model, CBAM, where=["spare"])
    assert said.startswith("where holds 'spare', which does not run in a forward pass; choose from")


def test_a_module_used_with_several_widths_is_named():
    torch.manual_seed(0)

    class Reused(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.relu = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 8, 1), nn.ReLU()

        def forward(self, x):
            return self.relu(self.b(self.relu(self.a(x))))

    said = sentence(ValueError, Reused(), CBAM, where=["relu"])
    assert said == (
        "where holds 'relu', which runs several times, with different numbers of channels; choose from a, b."
    )


def test_a_module_with_an_attention_of_its_own_is_left_alone():
    model = nn.Sequential(nn.Conv2d(3, 4, 1))
    model[0].attention = nn.Identity()
    assert "'0', which has a part of its own named attention" in sentence(
        ValueError, model, CBAM, where=["0"]
    )


def test_maps_with_their_channels_last_are_refused():
    class Swin(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.mlp = nn.LayerNorm(3), nn.Linear(3, 3)

        def forward(self, x):
            x = x.permute(0, 2, 3, 1)
            return x + self.mlp(self.norm(x))

    assert "has its channels last" in sentence(ValueError, nn.Sequential(Swin()), CBAM)


@pytest.mark.parametrize(
    ("factory", "kind", "said"),
    [
        (
            CBAM(8, 2),
            TypeError,
            "factory is a CBAM; give what makes the attention for a number of channels, "
            "for example CBAM, or lambda channels: CBAM(channels, 8).",
        ),
        (lambda channels: "CBAM", TypeError, "factory(64) returned a str; return a torch.nn.Module."),
        (
            lambda channels: nn.Conv2d(channels, 7, 1),
            ValueError,
            "factory(64) made a Conv2d that turns a map of shape (2, 64, 8, 8) into (2, 7, 8, 8); "
            "give a module that keeps the shape.",
        ),
    ],
)
def test_a_factory_that_does_not_make_attention_is_named(factory, kind, said):
    assert sentence(kind, small(), factory) == said


def test_what_is_no_model_and_no_place_is_named():
    with pytest.raises(TypeError, match=r"^model is a type; give a torch.nn.Module\.$"):
        insert_attention(CBAM, CBAM)
    said = sentence(TypeError, small(), CBAM, where=3)
    assert said == "where is 3 (int); give 'residual', names, or a function."
    said = sentence(ValueError, small(), CBAM, where=[])
    assert said.startswith("where chooses no module of ResNet; choose from conv1, ")


def test_a_model_that_takes_no_images_is_named():
    said = sentence(ValueError, nn.Sequential(nn.Linear(10, 2)), CBAM)
    assert said.startswith("model is a Sequential that does not run on images: ")
    assert len(said.split(": ")[1]) > 10


def test_a_place_named_twice_gets_one_attention():
    model = insert_attention(small(), CBAM, where=["layer1", "layer1"])
    assert sum(isinstance(m, CBAM) for m in model.modules()) == 1
    assert copy.deepcopy(model).layer1[0].attention is not model.layer1[0].attention
