"""Scenes: the same bytes everywhere, honest labels, masks and boxes, and every knob turns something."""

import hashlib
from dataclasses import replace

import pytest
import torch

from cbam_course import ChannelAttention, SpatialAttention, make_scenes
from cbam_course.data.drawing import PALETTE
from cbam_course.data.scenes import DISTANCE, PATCH, scene_splits
from cbam_course.networks.small_cnn import DenseCNN

CHECKSUMS = {
    "where": "76671a54f3890a6bdeffd5d3a8ef8e7f4ffb12246e8247c9369b2e9b34014fd5",
    "what": "b7d1407e4f2f2c7b97be522b3801fd740aeaf831dccbdcb287c0b5d15dc8f878",
    "near": "7452186914b362f78d18d25fb0a7db9b2bcfe284affcad119d1bd19c7b02675d",
}


def digest(scenes):
    parts = (scenes.images, scenes.labels, scenes.masks, scenes.boxes, scenes.radius, scenes.asked_colour)
    joined = b"".join(p.numpy().astype(p.numpy().dtype.newbyteorder("<")).tobytes() for p in parts)
    return hashlib.sha256(joined).hexdigest()


@pytest.fixture(scope="module", params=["where", "what", "near"])
def scenes(request):
    return make_scenes(300, task=request.param, seed=7)


def test_shapes_and_types_are_those_of_the_contract(scenes):
    side = 64 if scenes.task == "near" else 48
    assert (scenes.images.dtype, scenes.images.shape) == (torch.uint8, (300, 3, side, side))
    assert (scenes.labels.dtype, scenes.labels.shape) == (torch.int64, (300,))
    assert (scenes.masks.dtype, scenes.masks.shape) == (torch.bool, (300, side, side))
    assert (scenes.boxes.dtype, scenes.boxes.shape) == (torch.int64, (300, 4))
    assert len(scenes) == 300


def test_the_bytes_for_a_seed_never_change(scenes):
    assert digest(scenes) == CHECKSUMS[scenes.task]


def test_boxes_are_the_tightest_around_the_masks(scenes):
    for mask, (left, top, right, bottom) in zip(scenes.masks, scenes.boxes, strict=True):
        assert mask[top:bottom, left:right].sum() == mask.sum() > 0
        edges = mask[top, :], mask[bottom - 1, :], mask[:, left], mask[:, right - 1]
        assert all(edge.any() for edge in edges)


def test_the_mask_lies_on_the_asked_colour():
    scenes = make_scenes(100, task="what", noise=0, seed=1)
    nearest = torch.tensor(list(PALETTE.values()))[scenes.asked_colour]
    for image, mask, colour in zip(scenes.images, scenes.masks, nearest, strict=True):
        assert (image[:, mask].T.int() - colour).abs().max() <= 25


def test_the_target_of_where_is_always_red_and_alone():
    scenes = make_scenes(100, noise=0, clutter=0, seed=1)
    assert scenes.colour_names[0] == "red"
    assert (scenes.asked_colour == 0).all()
    red, green, blue = scenes.images.int().unbind(1)
    reddish = (red - torch.maximum(green, blue)) > 90
    torch.testing.assert_close(reddish, scenes.masks)


def test_the_patch_has_the_asked_colour_and_shapes_keep_away_from_it():
    scenes = make_scenes(200, task="what", noise=0, clutter=0, seed=2)
    patch = scenes.images[:, :, :PATCH, :PATCH]
    assert (patch == patch[:, :, :1, :1]).all()
    nearest = (torch.tensor(list(PALETTE.values())) - patch[:, :, 0, 0][:, None].int()).abs().sum(2).argmin(1)
    torch.testing.assert_close(nearest, scenes.asked_colour)
    assert not scenes.masks[:, : PATCH + DISTANCE, : PATCH + DISTANCE].any()


def test_labels_name_the_shape_that_the_mask_shows():
    scenes = make_scenes(400, radius=(6, 6), seed=3)
    area = scenes.masks.sum((1, 2)).float()
    means = {name: area[scenes.labels == i].mean() for i, name in enumerate(scenes.class_names)}
    assert means["disc"] > means["square"] > means["ring"] > means["cross"] > means["triangle"]


def test_every_class_and_radius_is_about_equally_frequent():
    scenes = make_scenes(5000, seed=4)
    torch.testing.assert_close(scenes.labels.bincount() / 5000, torch.full((5,), 0.2), atol=0.03, rtol=0)
    assert sorted(scenes.radius.unique().tolist()) == [4 + i / 4 for i in range(9)]


def test_the_first_scenes_of_a_longer_set_are_the_same():
    torch.testing.assert_close(make_scenes(300, seed=5).images[:10], make_scenes(10, seed=5).images)


def test_other_seeds_and_the_three_splits_share_no_image():
    sets = [
        *scene_splits(300, validation=300, test=300),
        *scene_splits(300, seed=1, validation=300, test=300),
    ]
    images = torch.cat([s.images.flatten(1) for s in sets])
    assert len(images.unique(dim=0)) == 1800


@pytest.fixture(scope="module")
def near():
    return make_scenes(300, task="near", noise=0, clutter=0, seed=3)


def painted(scenes, colour):
    """Pixels of a scene without noise that have a shade of this colour, bool (n, s, s)."""
    return ((scenes.images.int() - torch.tensor(PALETTE[colour])[:, None, None]).abs() <= 25).all(1)


def test_the_label_of_near_is_the_number_of_red_flags_and_never_none_or_all(near):
    red, other = (painted(near, colour).sum((1, 2)) for colour in ("red", "cyan"))
    torch.testing.assert_close(red, 9 * near.labels)
    torch.testing.assert_close(other, 9 * (3 - near.labels))
    assert near.labels.unique().tolist() == [1, 2]
    assert (near.asked_colour == 0).all()


def test_what_is_asked_for_in_near_are_blue_discs(near):
    discs = painted(near, "blue")
    assert discs[near.masks].all()
    # The areas of two discs differ by less than half, so shares tell one of three from two.
    share = near.masks.sum((1, 2)) / discs.sum((1, 2))
    torch.testing.assert_close((3 * share).round().long(), near.labels)


def test_the_box_of_near_is_that_of_the_asked_discs_together(near):
    two = near.labels == 2
    sides = near.boxes[:, 2:] - near.boxes[:, :2]
    assert (sides[~two].amax(1) <= 11).all()
    assert (sides[two].amax(1) >= 12).all()


def random_network(attention=None):
    """A dense network with random weights and statistics, in double precision."""
    torch.manual_seed(0)
    model = DenseCNN(attention=attention).double().eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model


def change_of_logits(model, scenes, repainted):
    """How much the logits of the asked pixels change when other pixels, bool (n, s, s), are painted anew."""
    x = scenes.inputs().double()
    y = torch.where(
        repainted[:, None], torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).double(), x
    )
    with torch.no_grad():
        return (model(x) - model(y)).abs()


def test_no_pixel_of_a_disc_sees_a_flag_unless_attention_carries_it(near):
    few = replace(near, **{name: getattr(near, name)[:60] for name in ("images", "masks")})
    flags, discs = painted(few, "red"), painted(few, "blue")
    plain, spatial = random_network(), random_network(lambda channels: SpatialAttention(7))
    blind = change_of_logits(plain, few, flags)
    assert (blind[discs] == 0).all()
    assert blind.max() > 0
    assert change_of_logits(spatial, few, flags)[discs].max() > 0


def test_no_pixel_of_a_shape_sees_the_patch_unless_attention_carries_it():
    what = make_scenes(60, task="what", seed=3)
    patch = torch.zeros_like(what.masks)
    patch[:, :PATCH, :PATCH] = True
    blind = change_of_logits(random_network(), what, patch)
    assert (blind[what.masks] == 0).all()
    assert blind.max() > 0
    seeing = random_network(lambda channels: ChannelAttention(channels, 4))
    assert change_of_logits(seeing, what, patch)[what.masks].max() > 0


@pytest.mark.parametrize(
    "knob",
    [
        {"size": 64},
        {"seed": 9},
        {"distractors": 2},
        {"radius": (3, 5)},
        {"noise": 5},
        {"clutter": 2},
        {"task": "what"},
    ],
)
def test_every_knob_changes_the_images(knob):
    plain, turned = make_scenes(4), make_scenes(4, **knob)
    assert plain.images.shape != turned.images.shape or not torch.equal(plain.images, turned.images)


def test_noise_and_radius_mean_what_they_say():
    quiet, noisy = (make_scenes(20, noise=n, clutter=0).images.int() for n in (0, 30))
    assert 25 <= (noisy - quiet).abs().max() <= 30
    scenes = make_scenes(50, radius=(3, 3.5))
    assert set(scenes.radius.tolist()) == {3.0, 3.25, 3.5}


def test_inputs_lie_between_minus_one_and_one():
    inputs = make_scenes(4).inputs()
    assert inputs.dtype == torch.float32
    assert -1 <= inputs.min() < -0.7
    assert 0.7 < inputs.max() <= 1


def test_eleven_shapes_fit_when_the_image_is_large_enough():
    assert make_scenes(2, distractors=10, size=64).images.shape == (2, 3, 64, 64)


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"n": 0}, "n is 0; give a whole number of at least 1."),
        ({"n": 2.5}, r"n is 2.5 \(float\); give a whole number of at least 1."),
        ({"task": "who"}, "task is 'who'; choose 'where', 'what' or 'near'."),
        ({"size": 20}, r"size is 20, which has no room for 5 shapes with a radius of 6"),
        ({"size": 20, "task": "what"}, "size is 20; give a whole number of at least 29."),
        ({"seed": -1}, "seed is -1; give a whole number of at least 0."),
        ({"distractors": 6, "task": "what"}, "distractors is 6; give a whole number from 0 to 5."),
        ({"distractors": 20}, "size is 48, which has no room for 21 shapes"),
        ({"radius": (6, 4)}, r"radius is \(6, 4\); give the smallest and the largest in pixels"),
        ({"size": 32, "task": "near"}, "size is 32"),
        ({"distractors": 0, "task": "near"}, "distractors is 0; give a whole number from 1 to 5."),
        ({"distractors": 6, "task": "near"}, "distractors is 6; give a whole number from 1 to 5."),
        ({"radius": 5}, "radius is 5; give the smallest and the largest"),
        ({"noise": 200}, "noise is 200; give a whole number from 0 to 127."),
        ({"clutter": -1}, "clutter is -1; give a whole number of at least 0."),
    ],
)
def test_a_bad_argument_gets_one_sentence(knobs, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence) as caught:
        make_scenes(**{"n": 1, **knobs})
    assert "\n" not in str(caught.value)
