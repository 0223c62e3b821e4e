"""Whatever is handed in gets a report, and the learner's session is as before."""

import gc
import os
import random
import sys
import warnings

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_bank import FOLDER, load_bank
from torch import nn

from cbam_course.checks import check
from cbam_course.checks.report import Report

MODULES = ["squeeze-excitation", "channel-attention", "spatial-attention", "cbam"]
STATUSES = {"passed", "failed", "stopped", "not attempted"}  # "error" would be the course's own


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
def test_anything_handed_in_gets_a_report(task):
    for name, answer in ODD.items():
        report = check(task, answer)
        assert isinstance(report, Report)
        assert report.status in STATUSES - {"passed"}, f"{name}: {report}"
        assert str(report)
        assert report._repr_html_()
        if report.status == "failed":
            assert any(finding.holds is False for finding in report.findings), name


def spoil(self, x):
    torch.manual_seed(99)
    random.seed(99)
    os.chdir("/")
    os.environ["CBAM_COURSE_SPOILT"] = "1"
    os.environ.pop("CBAM_COURSE_HOME", None)
    sys.path.insert(0, "/nowhere")
    gc.disable()
    gc.set_threshold(1, 1, 1)
    torch.set_printoptions(precision=1, sci_mode=True)
    numpy.set_printoptions(precision=1)
    numpy.seterr(all="raise")
    torch.set_float32_matmul_precision("medium")
    torch.set_num_threads(3)
    torch.autocast("cpu").__enter__()
    torch.inference_mode().__enter__()
    nn.modules.module.register_module_forward_hook(lambda *arguments: None)
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
        random.getstate(),
        os.getcwd(),
        dict(os.environ),
        list(sys.path),
        gc.isenabled(),
        gc.get_threshold(),
        repr(torch._tensor_str.PRINT_OPTS),
        numpy.get_printoptions(),
        numpy.geterr(),
        torch.get_float32_matmul_precision(),
        torch.is_autocast_enabled("cpu"),
        torch.is_inference_mode_enabled(),
        len(nn.modules.module._global_forward_hooks),
        sys.gettrace(),
        warnings.filters[:],
    )


@pytest.mark.parametrize("task", MODULES)
def test_the_session_is_as_before(task, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = state()
    check(task, module(spoil))
    for number, (one, other) in enumerate(zip(state(), before, strict=True)):
        assert one == other, number


def test_a_session_in_inference_mode_and_autocast_is_judged_the_same_and_stays_so():
    answer = load_bank(FOLDER, "channel-attention").right[0]
    with torch.inference_mode(), torch.autocast("cpu"):
        assert check("channel-attention", answer).passed
        assert torch.is_inference_mode_enabled()
        assert torch.is_autocast_enabled("cpu")


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
