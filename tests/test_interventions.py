"""Replaced gates: what each change is, what it does to the score, and that the model stays as it was."""

import numpy as np
import pytest
import torch
from torch import nn

from cbam_course import CBAM, make_scenes
from cbam_course.inspection.interventions import CHANGES, changed_gates, kind_of, measure_changes
from cbam_course.networks.small_cnn import SmallCNN
from cbam_course.statistics import mean_interval
from cbam_course.training.metrics import accuracy


class Looking(nn.Module):
    """Answers 1 where the left half of the gate is larger: it needs the map and nothing else."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def gate(self, x):
        return x[:, :1].sigmoid()

    def forward(self, x):
        gate = self.gate(x)
        left, right = gate[..., :2].mean((1, 2, 3)), gate[..., 2:].mean((1, 2, 3))
        return torch.stack([right, left], dim=1) * self.weight


@pytest.fixture
def halves():
    """Forty images that are bright on the left or on the right, in turn, and which."""
    images = torch.rand(40, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.1
    labels = torch.arange(40) % 2
    images[labels == 1, :, :, :2] += 1
    images[labels == 0, :, :, 2:] += 1
    return images, labels


@pytest.fixture
def gate():
    return torch.rand(3, 1, 4, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(3, 1, 4, 5), (3, 6, 1, 1)])
def test_each_change_is_what_its_name_says(shape):
    generator = torch.Generator().manual_seed(0)
    gate = torch.rand(shape, generator=generator)
    changed = {name: change(gate, generator) for name, change in CHANGES.items()}
    assert {result.shape for result in changed.values()} == {torch.Size(shape)}
    torch.testing.assert_close(changed["mean"], gate.mean((1, 2, 3), keepdim=True).expand(shape))
    torch.testing.assert_close(changed["another image's"][1], gate[0])
    torch.testing.assert_close(changed["complement"], 1 - gate)
    for before, after in zip(gate, changed["permuted"], strict=True):
        assert not torch.equal(before, after)
        torch.testing.assert_close(before.flatten().sort().values, after.flatten().sort().values)


def test_kinds_are_told_by_their_shape(gate):
    assert kind_of(gate) == "spatial"
    assert kind_of(torch.rand(2, 8, 1, 1)) == "channel"


def test_a_network_that_needs_its_map_fails_where_the_map_is_taken(halves):
    table = measure_changes(Looking(), *halves, accuracy)
    assert (table.score == 1).all()
    assert table.changed["complement"] == 0
    assert table.difference["another image's"] == -1  # each image stands after one of the other label
    assert table.difference["mean"] == -0.5  # nothing is left to see; a tie is answered 0
    assert -0.9 < table.difference["permuted"] < -0.1
    assert table.images_high["permuted"] < 0
    assert table.networks_low.isna().all()


def test_only_one_kind_of_gate_can_be_changed():
    torch.manual_seed(0)
    model = CBAM(8, 2).eval()
    x = torch.randn(2, 8, 6, 6)
    channel, spatial = model.channel, model.spatial
    with torch.no_grad():
        with changed_gates(model, CHANGES["complement"], kind="channel"):
            y = x * (1 - channel.__class__.gate(channel, x))
            torch.testing.assert_close(model(x), y * spatial.gate(y))
        with changed_gates(model, CHANGES["complement"], kind="spatial"):
            y = x * channel.gate(x)
            torch.testing.assert_close(model(x), y * (1 - spatial.__class__.gate(spatial, y)))


def test_the_intervals_are_over_images_and_over_networks():
    torch.manual_seed(0)
    models = [SmallCNN(5, widths=(8, 8), attention=lambda c: CBAM(c, 2)) for _ in range(3)]
    scenes = make_scenes(30, seed=1)

    def certainty(logits, labels):
        return logits.softmax(1).gather(1, labels[:, None])[:, 0]

    changes = {"complement": CHANGES["complement"]}
    row = measure_changes(models, *scenes.classification, certainty, changes=changes, batch_size=7).loc[
        "complement"
    ]
    differences = []
    for model in models:
        model.eval()
        with torch.no_grad():
            plain = certainty(model(scenes.inputs()), scenes.labels)
            with changed_gates(model, CHANGES["complement"]):
                differences.append((certainty(model(scenes.inputs()), scenes.labels) - plain).double())
    differences = torch.stack(differences)
    assert row.difference == pytest.approx(differences.mean().item(), abs=1e-6)
    over_images, over_networks = mean_interval(differences.mean(0)), mean_interval(differences.mean(1))
    np.testing.assert_allclose(row[["images_low", "images_high"]].tolist(), over_images[1:], atol=1e-6)
    np.testing.assert_allclose(row[["networks_low", "networks_high"]].tolist(), over_networks[1:], atol=1e-6)
    assert (row.images, row.networks) == (30, 3)


def test_nothing_of_the_change_stays(halves):
    model = Looking().train()
    with pytest.raises(ZeroDivisionError), changed_gates(model, CHANGES["complement"]):
        raise ZeroDivisionError
    assert "gate" not in vars(model)
    measure_changes(model, *halves, accuracy)
    assert model.training
    assert "gate" not in vars(model)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (
            lambda: measure_changes(SmallCNN(5), torch.rand(4, 3, 8, 8), torch.zeros(4), accuracy),
            "no module has a",
        ),
        (
            lambda: measure_changes([], torch.rand(4, 3, 4, 4), torch.zeros(4), accuracy),
            "there are 0 networks",
        ),
        (lambda: measure_changes(Looking(), torch.rand(1, 3, 4, 4), torch.zeros(1), accuracy), "1 images"),
    ],
)
def test_bad_input_gets_one_sentence(act, sentence):
    with pytest.raises(ValueError, match=sentence):
        act()


def test_an_unknown_kind_and_a_change_of_shape_get_one_sentence(halves):
    with (
        pytest.raises(ValueError, match="kind is 'both'; choose"),
        changed_gates(Looking(), CHANGES["mean"], kind="both"),
    ):
        pass
    with (
        changed_gates(Looking(), lambda gate, generator: gate[:, :, :1]) as model,
        pytest.raises(ValueError, match="the change made of the gate of 'Looking'"),
    ):
        model(halves[0])


def test_a_single_number_has_no_interval():
    assert mean_interval([0.5]).mean == 0.5
    assert np.isnan(mean_interval([0.5]).low)
    with pytest.raises(ValueError, match="values is empty"):
        mean_interval([])
