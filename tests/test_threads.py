"""``fit`` gives way to other programs, says so, and leaves torch as it was."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cbam_course import fit
from cbam_course.training import hardware as under_test


class Probe(nn.Module):
    """Writes down how many threads torch has while it runs."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
        self.threads = []

    def forward(self, x):
        self.threads.append(torch.get_num_threads())
        return self.layer(x)


@pytest.fixture
def data():
    torch.manual_seed(1)
    return torch.randn(8, 3, 2, 2), torch.arange(8) % 2


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setattr(under_test.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(under_test, "_LOOK", 0.0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def others(monkeypatch, *values):
    values = iter(values)
    monkeypatch.setattr(under_test._Watch, "others", lambda _: next(values))


def train(data, **arguments):
    model = Probe()
    history = fit(model, data, data, epochs=2, batch_size=8, progress=False, device="cpu", **arguments)
    return model, history


def test_alone_it_keeps_the_threads_of_torch(data, monkeypatch):
    others(monkeypatch, 0.0, 0.2, 0.4)
    model, history = train(data)
    assert set(model.threads) == {2}
    assert history.notes == []


def test_beside_a_busy_program_it_takes_one_thread_and_says_so(data, monkeypatch):
    others(monkeypatch, 1.1)
    model, history = train(data)
    assert set(model.threads) == {1}
    assert torch.get_num_threads() == 2
    assert len(history.notes) == 1
    assert "1.1 of 2 cores" in history.notes[0]


def test_a_program_that_comes_later_is_noticed_after_the_epoch(data, monkeypatch):
    others(monkeypatch, 0.0, 1.9)
    model, _ = train(data)
    assert model.threads == [2, 2, 1, 1]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_number_given_is_taken_whatever_else_runs(data, monkeypatch, threads):
    others(monkeypatch)
    model, history = train(data, threads=threads)
    assert set(model.threads) == {threads}
    assert torch.get_num_threads() == 2
    assert history.notes == []


def test_on_one_thread_nothing_is_measured_and_the_numbers_are_the_same(data, monkeypatch):
    others(monkeypatch)
    expected = train(data, threads=1)[0].state_dict()
    torch.set_num_threads(1)
    assert_close(train(data)[0].state_dict(), expected, rtol=0, atol=0)


def test_threads_that_are_no_number_get_a_sentence_and_torch_stays_as_it_was(data):
    with pytest.raises(ValueError, match="threads is 0"):
        train(data, threads=0)
    assert torch.get_num_threads() == 2


def test_the_watch_counts_the_work_of_others_only(monkeypatch):
    readings = iter([(0.0, 10.0, 1.0), (2.0, 13.0, 2.0), (2.0, 13.0, 2.0)])
    monkeypatch.setattr(under_test._Watch, "_read", staticmethod(lambda: next(readings)))
    watch = under_test._Watch()
    assert watch.others() == 1.0
    assert watch.others() == 0.0
