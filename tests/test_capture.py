"""``capture`` records the gates that ran, leaves no trace, and works for anybody's modules."""

import copy
import pickle

import pytest
import timm.layers.cbam
import torch
from torch import nn
from torch.testing import assert_close

from cbam_course import CBAM, SqueezeExcitation, capture, insert_attention
from cbam_course.inspection.capture import gates_by_depth, strongest_images
from cbam_course.networks.resnet import CifarResNet
from cbam_course.networks.small_cnn import SmallCNN


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


class Learners(nn.Module):
    """A gate that a learner might write; it counts how often it is computed."""

    def __init__(self):
        super().__init__()
        self.computed = 0

    def gate(self, x):
        self.computed += 1
        return x.mean(dim=(2, 3), keepdim=True).sigmoid()

    def forward(self, x):
        return x * self.gate(x)


def test_there_is_one_gate_per_call_under_the_name_of_its_module():
    model = CBAM(8, 2)
    inputs = [torch.randn(2, 8, 5, 6), torch.randn(1, 8, 3, 3)]
    with capture(model) as gates:
        for x in inputs:
            model(x)
    assert list(gates) == ["channel", "spatial"]
    assert [g.shape for g in gates["channel"]] == [(2, 8, 1, 1), (1, 8, 1, 1)]
    assert [g.shape for g in gates["spatial"]] == [(2, 1, 5, 6), (1, 1, 3, 3)]
    for x, gate in zip(inputs, gates["channel"], strict=True):
        assert_close(gate, model.channel.gate(x))


def test_what_is_recorded_is_what_ran_and_nothing_runs_twice():
    model, x = Learners(), torch.randn(2, 3, 4, 4)
    with capture(model) as gates:
        y = model(x)
    assert model.computed == 1
    assert_close(y, x * gates["Learners"][0])


def test_a_dropped_gate_is_recorded_as_it_was_in_that_call():
    class Dropped(Learners):
        def gate(self, x):
            return nn.functional.dropout(super().gate(x), 0.5)

    model, x = Dropped(), torch.randn(4, 16, 4, 4)
    with capture(model) as gates:
        outputs = [model(x), model(x)]
    first, second = gates["Dropped"]
    assert not torch.equal(first, second)
    assert_close(outputs, [x * first, x * second])


def test_a_bare_module_is_recorded_under_the_name_of_its_class():
    model = SqueezeExcitation(8, 2)
    with capture(model) as gates:
        model(torch.randn(1, 8, 2, 2))
    assert list(gates) == ["SqueezeExcitation"]


def test_timms_modules_whose_gate_is_a_layer_are_recorded_too():
    model, x = timm.layers.cbam.CbamModule(32), torch.randn(1, 32, 4, 4)
    with capture(model) as gates:
        y = model(x)
    assert_close(y, x * gates["channel"][0] * gates["spatial"][0])
    assert model.channel.gate is model.channel._modules["gate"]


def test_records_are_detached_copies():
    class InPlace(Learners):
        def forward(self, x):
            gate = self.gate(x)
            y = x * gate
            gate.zero_()
            return y

    model = nn.Sequential(nn.Conv2d(3, 3, 1), InPlace())
    with capture(model) as gates, torch.no_grad():
        model(torch.randn(1, 3, 2, 2))
    assert (gates["1"][0] > 0).all()
    with capture(SqueezeExcitation(4, 2)) as gates:
        pass
    model = SqueezeExcitation(4, 2)
    with capture(model) as gates:
        model(torch.randn(1, 4, 2, 2)).sum().backward()
    assert not gates["SqueezeExcitation"][0].requires_grad
    assert model.mlp[0].weight.grad is not None


def test_a_module_that_did_not_run_has_an_empty_list():
    model = CBAM(4, 2)
    with capture(model) as gates:
        model.channel(torch.randn(1, 4, 2, 2))
    assert len(gates["channel"]) == 1
    assert gates["spatial"] == []


def fail_if_shadowed(model, failure):
    if "gate" in vars(model.channel):
        raise failure


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_no_trace_is_left_even_when_the_block_fails(failure):
    model = CBAM(4, 2)
    with pytest.raises(failure), capture(model):
        fail_if_shadowed(model, failure)
    for module in model.modules():
        assert "gate" not in vars(module)
        assert not module._forward_hooks
    copy.deepcopy(model)
    pickle.dumps(model)


def test_a_gate_of_the_instances_own_is_put_back():
    model = Learners()
    model.gate = own = lambda x: x * 0
    with capture(model) as gates:
        model(torch.ones(1, 1, 2, 2))
    assert vars(model)["gate"] is own
    assert_close(gates["Learners"][0], torch.zeros(1, 1, 2, 2))


def test_captures_can_be_nested():
    model, x = SqueezeExcitation(4, 2), torch.randn(1, 4, 2, 2)
    with capture(model) as outer:
        model(x)
        with capture(model) as inner:
            model(x)
        model(x)
    assert len(outer["SqueezeExcitation"]) == 3
    assert len(inner["SqueezeExcitation"]) == 1
    assert "gate" not in vars(model)


def test_the_alpha_of_identity_insertion_is_recorded_at_each_call():
    model = insert_attention(CifarResNet(1).eval(), SqueezeExcitation, where=["layer1"], identity=True)
    start, x = model.layer1[0].attention, torch.randn(1, 3, 8, 8)
    with capture(model) as gates:
        model(x)
        nn.init.constant_(start.alpha, 0.5)
        model(x)
    assert list(gates) == ["layer1.0.attention.attention", "layer1.0.attention.alpha"]
    assert [float(s) for s in gates["layer1.0.attention.alpha"]] == [0.0, 0.5]
    assert len(gates["layer1.0.attention.attention"]) == 2
    assert not start._forward_hooks
    with capture(start) as gates:
        start(torch.randn(1, 16, 2, 2))
    assert list(gates) == ["attention", "alpha"]


def test_a_model_without_gates_is_named():
    with pytest.raises(ValueError, match="no module has a gate") as caught, capture(nn.Conv2d(3, 3, 1)):
        pass
    assert str(caught.value) == (
        "model is a Conv2d in which no module has a gate(x) method; put attention in "
        "with insert_attention(model, factory), or let your class compute its gate in such a method."
    )
    with pytest.raises(TypeError, match=r"^model is a list; give a torch.nn.Module\.$"), capture([]):
        pass


def test_a_gate_that_returns_no_tensor_is_named():
    model = Learners()
    model.gate = lambda x: (x, x)
    sentence = r"^the gate of 'Learners' returned a tuple; return one tensor\.$"
    with capture(model), pytest.raises(TypeError, match=sentence):
        model(torch.ones(1, 1, 2, 2))


def test_the_gates_at_every_depth_come_in_their_order():
    model = SmallCNN(5, attention=lambda c: CBAM(c, 4)).train()
    images = torch.randint(0, 256, (2, 3, 48, 48), dtype=torch.uint8)
    gates = gates_by_depth(model, images)
    assert list(gates) == [
        f"blocks.{n}.attention.{part}" for n in range(3) for part in ("channel", "spatial")
    ]
    assert [tuple(gate.shape) for gate in gates.values()][-2:] == [(2, 64, 1, 1), (2, 1, 6, 6)]
    assert model.training
    with torch.no_grad():
        features = (
            model.eval().blocks[0].pool(model.blocks[0].norm(model.blocks[0].conv(images / 127.5 - 1)).relu())
        )
    assert_close(
        gates["blocks.0.attention.channel"], model.blocks[0].attention.channel.gate(features).detach()
    )


def test_the_images_that_drive_a_channel_most_are_found():
    model = nn.Sequential(nn.Identity(), nn.Conv2d(3, 2, 1))
    images = torch.zeros(7, 3, 4, 4)
    images[:, 1] = torch.tensor([3.0, 0, 5, 1, 0, 0, 2])[:, None, None]
    images[4, 1, 2, 2] = 9.0  # one bright pixel: first by its maximum, not by its mean
    found = strongest_images(model, model[0], images, 1, k=3, batch_size=3)
    assert found.indices.tolist() == [4, 2, 0]
    assert found.values.tolist() == [9, 5, 3]
    assert found.maps.shape == (3, 4, 4)
    by_mean = strongest_images(model, model[0], images, 1, k=20, pool="mean")
    assert by_mean.indices.tolist()[:3] == [2, 0, 6]
    assert len(by_mean.indices) == 7
    with pytest.raises(ValueError, match="channel is 3; this layer has the channels 0 to 2"):
        strongest_images(model, model[0], images, 3)
    with pytest.raises(ValueError, match="pool is 'sum'; choose 'max' or 'mean'"):
        strongest_images(model, model[0], images, 0, pool="sum")
    assert not model[0]._forward_hooks
