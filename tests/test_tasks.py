"""Data and models of experiments by name: disjoint, stratified, paired, and impossible names refused."""

import pytest
import torch

from cbam_course.data.cifar10 import CLASS_NAMES
from cbam_course.networks.resnet import ShiftAndFlip
from cbam_course.training import run, tasks, variants
from cbam_course.training.run import Run, perform
from cbam_course.training.tasks import Task
from cbam_course.training.variants import Variant

RECORD = {"code": "c0de", "commit": "abc", "versions": "python", "command": "typed"}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tasks, "TEST_IMAGES", 12)
    monkeypatch.setattr(tasks, "VALIDATION_IMAGES", 20)


@pytest.fixture
def cifar10(monkeypatch, small):
    """Stands in for CIFAR-10: 400 images, each with its number in its first pixels."""
    numbers = torch.arange(400)
    images = torch.zeros(400, 3, 32, 32, dtype=torch.uint8)
    images[:, 0, 0, 0], images[:, 1, 0, 0] = numbers // 256, numbers % 256
    sets = {"train": (images, numbers % 10), "test": (images[:30] + 3, numbers[:30] % 10)}
    monkeypatch.setattr(tasks, "load_cifar10", sets.__getitem__)


def numbers(pair):
    return [256 * int(image[0, 0, 0]) + int(image[1, 0, 0]) for image in pair[0]]


def test_cifar10_is_stratified_disjoint_and_drawn_by_the_seed(cifar10):
    splits, other = Task("cifar10").splits(100, 0), Task("cifar10").splits(100, 1)
    assert splits.train[1].bincount().tolist() == [10] * 10
    assert splits.validation[1].bincount().tolist() == [2] * 10
    assert len({*numbers(splits.train), *numbers(splits.validation)}) == 120
    assert numbers(splits.train) == numbers(Task("cifar10").splits(100, 0).train) != numbers(other.train)
    assert len(splits.test[1]) == 30
    assert (splits.radius, splits.classes) == (None, len(CLASS_NAMES))


@pytest.mark.parametrize("images", [95, 390])
def test_too_many_images_of_cifar10_or_no_multiple_of_ten_are_refused(cifar10, images):
    with pytest.raises(
        ValueError, match=f"images is {images}; for cifar10 give a multiple of 10, at most 380"
    ):
        Task("cifar10").splits(images, 0)


def test_a_name_can_carry_a_radius_and_a_number_of_distractors(small):
    assert Task("scenes-where-radius3.5").splits(5, 0).radius.unique().tolist() == [3.5]
    plain, crowded = (Task(f"scenes-where{end}").splits(40, 0).train[0] for end in ("", "-distractors8"))
    assert crowded.float().std() > plain.float().std()
    both = Task("scenes-what-radius5-distractors1").splits(5, 0)
    assert both.radius.unique().tolist() == [5]
    assert both.classes == 3


def test_dense_data_ask_for_masks_and_fine_tuning_has_small_images(small):
    dense = Task("scenes-what-dense").splits(5, 0)
    assert dense.classes is None
    assert dense.train[1].shape == (5, 48, 48)
    assert Task("finetune-where").splits(5, 0).train[0].shape == (5, 3, 32, 32)


@pytest.mark.parametrize("name", ["scenes", "cifar10-radius3", "scenes-where-radius", "scenes-where-noise3"])
def test_an_unknown_name_gets_the_names_that_there_are(name):
    with pytest.raises(ValueError, match=f"data is '{name}'; choose one of scenes-where, scenes-what, "):
        Task(name)


@pytest.mark.parametrize(
    ("model", "network", "sentence"),
    [
        (
            "plain-max",
            "resnet20",
            "plain-max changes the small classifier, .* its baselines are plain, plain-long",
        ),
        ("cbam-identity", "small", r"cbam-identity is for a pretrained network \(data finetune-where\)"),
        ("plain-staged", "resnet20", "plain-staged is for a pretrained network"),
    ],
)
def test_a_model_that_the_network_does_not_have_gets_one_sentence(model, network, sentence):
    with pytest.raises(ValueError, match=sentence):
        Variant(model).build(network, 10)


def test_plain_has_no_attention_that_could_start_as_the_identity():
    with pytest.raises(ValueError, match="plain has no attention to change"):
        Variant("plain-identity")


def test_attention_in_a_resnet_leaves_the_shared_weights_as_they_are():
    networks = []
    for name in ("plain", "cbam"):
        torch.manual_seed(0)
        networks.append(Variant(name).build("resnet20", 10))
    plain, cbam = (network.state_dict() for network in networks)
    assert all(torch.equal(value, cbam[key]) for key, value in plain.items())
    assert len(cbam) > len(plain)


def test_an_identity_insertion_keeps_the_pretrained_network_and_a_plain_one_does_not():
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    outputs = []
    for name in ("plain", "cbam-identity", "cbam-staged", "cbam"):
        torch.manual_seed(0)
        outputs.append(Variant(name).build("pretrained", 5).eval()(x))
    torch.testing.assert_close(outputs[1], outputs[0])
    torch.testing.assert_close(outputs[2], outputs[0])
    assert (outputs[3] - outputs[0]).abs().max() > 0.1


def test_without_its_weights_a_fine_tuning_is_recorded_as_failed(small, monkeypatch, tmp_path):
    monkeypatch.setattr(variants, "WEIGHTS", tmp_path / "gone.safetensors")
    row = perform(Run("finetune-where", "plain", 0, 1, 8), RECORD, 1, "cpu")
    assert row["error"].startswith("OSError: ")
    assert "accuracy" not in row


def test_a_staged_run_trains_the_last_layers_first_and_needs_a_third_of_the_epochs_each(small, monkeypatch):
    stages = []

    def note(model, train, validation, *, epochs, learning_rate, **rest):
        names = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
        stages.append((epochs, sorted(names), learning_rate["fc"] / learning_rate[""]))
        return original(model, train, validation, epochs=epochs, learning_rate=learning_rate, **rest)

    original = run.fit
    monkeypatch.setattr(run, "fit", note)
    row = perform(Run("finetune-where", "plain-staged", 0, 3, 8), RECORD, 1, "cpu")
    assert row["error"] == ""
    everything = ["bn1", "conv1", "fc", "layer1", "layer2", "layer3"]
    assert [names for _, names, _ in stages] == [["fc"], ["fc", "layer3"], everything]
    assert [(epochs, round(ratio)) for epochs, _, ratio in stages] == [(1, 10)] * 3
    four = perform(Run("finetune-where", "plain-staged", 0, 4, 8), RECORD, 1, "cpu")
    assert "epochs is 4; a staged run needs a multiple of 3" in four["error"]


def test_a_run_on_cifar10_has_no_score_by_radius(cifar10):
    row = perform(Run("cifar10", "se", 0, 1, 20), RECORD, 1, "cpu")
    assert row["error"] == ""
    assert "accuracy_small" not in row


def test_shifted_images_hold_the_pixels_of_the_image_and_a_border_of_zeros():
    torch.manual_seed(0)
    x = torch.arange(1.0, 17).reshape(1, 1, 4, 4).expand(64, 2, 4, 4)
    augment = ShiftAndFlip(1)
    y = augment(x)
    assert y.shape == x.shape
    torch.testing.assert_close(y[:, 0], y[:, 1])
    steps = (y[:, 0, :, 1:] - y[:, 0, :, :-1]).flatten(1)
    mirrored = (steps == -1).sum(1) > (steps == 1).sum(1)
    assert 16 < mirrored.sum() < 48
    rows = {tuple(image[1].tolist()) for image in y[:, 0]}
    assert {(5, 6, 7, 8), (8, 7, 6, 5), (0, 5, 6, 7), (6, 7, 8, 0)} <= rows
    assert torch.equal(augment.eval()(x), x)
    with pytest.raises(ValueError, match="shift is 0"):
        ShiftAndFlip(0)
