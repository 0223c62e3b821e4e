"""Stages and rates: what is frozen stays, and every parameter learns at the rate of the first piece in its name."""

import pytest
import torch
from torch import nn

from cbam_course import fit
from cbam_course.training.parameter_groups import parameter_groups, train_mode, train_only


class Net(nn.Module):
    """A body with a BatchNorm, and a last layer."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, 2)
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.fc(self.body(x).mean(dim=(2, 3))) @ (torch.eye(2) + self.alpha)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Net()


def trained(model):
    return [name for name, p in model.named_parameters() if p.requires_grad]


def train(model, **options):
    pair = torch.randint(0, 256, (8, 3, 4, 4), dtype=torch.uint8), torch.arange(8) % 2
    return fit(model, pair, pair, epochs=1, batch_size=4, progress=False, **options)


def rates(model, learning_rate, weight_decay=0.1):
    names = {id(p): name for name, p in model.named_parameters()}
    groups = parameter_groups(model, learning_rate, weight_decay)
    return {names[id(p)]: (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}


def test_only_the_named_parts_are_trained_and_a_later_stage_thaws_more(model):
    assert train_only(model, "fc") == ["fc.weight", "fc.bias"] == trained(model)
    assert train_only(model, "fc", "body.1") == ["body.1.weight", "body.1.bias", "fc.weight", "fc.bias"]
    train_only(model, "")
    assert len(trained(model)) == 7


@pytest.mark.parametrize("parts", [(), ("head",), ("fc", "head")])
def test_a_part_that_no_name_contains_gets_the_names_and_changes_nothing(model, parts):
    with pytest.raises(ValueError, match=r"no parameter is called so; names begin with alpha, body, fc\."):
        train_only(model, *parts)
    assert len(trained(model)) == 7


def test_what_is_frozen_stays_to_the_last_bit_its_running_statistics_too(model):
    train_only(model, "fc")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    train(model)
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"fc.weight", "fc.bias"}


def test_a_batchnorm_that_is_trained_or_has_no_parameters_keeps_averaging(model):
    model.extra = nn.BatchNorm2d(4, affine=False)
    train_only(model, "body.1.bias")
    train_mode(model)
    assert model.body[1].training
    assert model.extra.training
    train_only(model, "fc")
    train_mode(model)
    assert not model.body[1].training
    assert model.fc.training


def test_the_first_piece_in_a_name_decides_the_rate(model):
    found = rates(model, {"body.1": 0.3, "body": 0.2, "": 0.1})
    assert found == {
        "body.0.weight": (0.2, 0.1),
        "body.0.bias": (0.2, 0.0),
        "body.1.weight": (0.3, 0.0),
        "body.1.bias": (0.3, 0.0),
        "fc.weight": (0.1, 0.1),
        "fc.bias": (0.1, 0.0),
        "alpha": (0.1, 0.0),
    }


def test_frozen_parameters_are_in_no_group(model):
    train_only(model, "fc")
    assert set(rates(model, 0.1)) == {"fc.weight", "fc.bias"}


def test_fit_moves_parameters_in_proportion_to_their_rates(model):
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, learning_rate={"fc": 1e-2, "": 1e-6}, weight_decay=0.0)
    moved = {name: (p - before[name]).abs().max().item() for name, p in model.named_parameters()}
    assert moved["fc.weight"] > 1e-3
    assert moved["body.0.weight"] < 1e-5


def test_bad_rates_and_an_untrained_model_get_one_sentence(model):
    with pytest.raises(ValueError, match=r"learning_rate has no entry for the parameter 'alpha'"):
        train(model, learning_rate={"fc": 0.1})
    with pytest.raises(ValueError, match="give numbers above 0"):
        train(model, learning_rate={"fc": 0.1, "": -1.0})
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="model has no parameter that is trained"):
        train(model)
