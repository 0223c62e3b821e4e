"""Whatever is handed in gets a report, and the learner's session is as before."""

import contextlib
import sys
import threading

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cbam_course.checks import check, guard
from cbam_course.checks.report import Report

MODULES = ["squeeze-excitation", "channel-attention", "spatial-attention", "cbam"]
STATUSES = {"passed", "failed", "error", "not attempted"}


@pytest.fixture
def soon(monkeypatch):
    """A shorter limit for code that never ends."""
    monkeypatch.setattr("cbam_course.checks.runner.guarded", lambda: guard.guarded(0.4))


def module(forward, init=lambda self, *arguments: nn.Module.__init__(self)):
    return type("Odd", (nn.Module,), {"__init__": init, "forward": forward})


class Hostile:
    def __getattribute__(self, name):
        raise RuntimeError("no")

    def __repr__(self):
        raise RuntimeError("no")

    def __eq__(self, other):
        raise RuntimeError("no")

    __hash__ = None


class Meta(type):
    def __call__(cls, *arguments):
        raise ZeroDivisionError

    def __getattribute__(cls, name):
        raise RuntimeError("no")


class Bad(metaclass=Meta):
    pass


class BadMessage(Exception):
    def __str__(self):
        raise ValueError


def raises(error):
    def forward(self, x):
        raise error

    return module(forward)


def recurse(self, x):
    return self(x)


ODD = {
    "none": None,
    "number": 3,
    "text": "class",
    "instance": nn.Linear(2, 2),
    "tensor": torch.randn(3, requires_grad=True),
    "array": numpy.ones(3),
    "hostile": Hostile(),
    "metaclass": Bad,
    "type": type,
    "object": object,
    "empty list": [],
    "list of hostile": [Hostile(), None],
    "no forward": type("NoForward", (nn.Module,), {"__init__": lambda self, *a: nn.Module.__init__(self)}),
    "recursion": module(recurse),
    "strings": module(lambda self, x: "done"),
    "nan": module(lambda self, x: x * float("nan")),
    "half": module(lambda self, x: x.half()),
    "integers": module(lambda self, x: x.long()),
    "meta tensor": module(lambda self, x: x.to("meta")),
    "sparse": module(lambda self, x: x.to_sparse()),
    "prints": module(lambda self, x: print("x" * 10**6) or x),
    "exits": module(lambda self, x: sys.exit(3)),
    "bad message": raises(BadMessage()),
    "generator exit": raises(GeneratorExit()),
    "stop iteration": raises(StopIteration()),
    "interrupt": raises(KeyboardInterrupt()),
    "bare": raises(BaseException("bare")),
    "identity": module(lambda self, x: x),
}


@pytest.mark.parametrize("task", [*MODULES, "squeeze", "se-parameters"])
@pytest.mark.parametrize("name", ODD)
def test_anything_handed_in_gets_a_report(task, name):
    report = check(task, ODD[name])
    assert isinstance(report, Report)
    assert report.status in STATUSES - {"passed"}
    assert str(report)
    assert report._repr_html_()


def forever(self, x):
    while True:
        with contextlib.suppress(Exception):
            sum(range(1000))


def test_a_loop_without_an_end_is_stopped(soon):
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("a timer needs the main thread")
    assert check("cbam", module(forever)).status == "error"


def spoil(self, x):
    torch.manual_seed(99)
    numpy.random.seed(99)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    torch.autograd.set_detect_anomaly(True)
    sys.setrecursionlimit(500)
    return x.clone()


def state():
    return (
        torch.get_rng_state().tolist(),
        numpy.random.get_state()[1].tolist(),
        torch.get_default_dtype(),
        str(torch.empty(0).device),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_anomaly_enabled(),
        torch.get_num_threads(),
        sys.getrecursionlimit(),
        sys.stdout,
    )


@pytest.mark.parametrize("task", MODULES)
def test_the_session_is_as_before(task):
    before = state()
    check(task, module(spoil))
    assert state() == before


def test_layers_that_stand_outside_the_class_keep_their_values_and_mode():
    layer = nn.BatchNorm2d(32)
    kept = {name: value.clone() for name, value in layer.state_dict().items()}

    def init(self, *arguments):
        nn.Module.__init__(self)
        self.layer = layer

    check("squeeze-excitation", module(lambda self, x: self.layer(x), init))
    assert layer.training
    for name, value in layer.state_dict().items():
        torch.testing.assert_close(value, kept[name])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@settings(derandomize=True, max_examples=40, deadline=None, database=None)
@given(task=st.sampled_from([*MODULES, "squeeze", "se-parameters", "excite-by-hand"]), answer=ANYTHING)
def test_random_values_get_a_report(task, answer):
    assert check(task, answer).status in STATUSES


STEPS = {
    "mean": lambda x: x.mean((2, 3), keepdim=True),
    "over channels": lambda x: x.mean(1),
    "sigmoid": torch.sigmoid,
    "square": lambda x: x * x,
    "flat": lambda x: x.flatten(),
    "none": lambda x: None,
    "numpy": lambda x: x.detach().numpy(),
    "first": lambda x: x[0],
    "log": torch.log,
    "softmax": lambda x: x.softmax(-1),
    "integers": lambda x: x.long(),
}


@settings(derandomize=True, max_examples=40, deadline=None, database=None)
@given(
    task=st.sampled_from(MODULES),
    steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=4),
    times=st.booleans(),
)
def test_random_modules_get_a_report(task, steps, times):
    def forward(self, x):
        value = x
        for step in steps:
            value = STEPS[step](value)
        return x * value if times else value

    assert check(task, module(forward)).status in STATUSES - {"passed"}
