"""What ``measure_cost`` and the command ``cost`` report; bytes are counted, and no verdict here rests on a time."""

import csv
import time

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cbam_course import CBAM, ChannelAttention, SqueezeExcitation, count_cost
from cbam_course.__main__ import main
from cbam_course.attention.fused import fuse
from cbam_course.inspection import cost
from cbam_course.inspection.cost import (
    Cost,
    Machine,
    Measured,
    Seconds,
    Traffic,
    build,
    cost_table,
    count_traffic,
    measure_cost,
    measure_machine,
)
from cbam_course.inspection.plots.roofline import plot_roofline


class Chain(nn.Module):
    """x -> 2x -> relu, seen through two views that move nothing."""

    def forward(self, x):
        return torch.relu((x * 2).flatten(2).transpose(1, 2))


def size_of(x):
    return x.numel() * x.element_size()


def test_bytes_of_a_chain_are_those_worked_out_by_hand():
    x = torch.randn(2, 3, 16, 16)
    found = count_traffic(Chain(), x)
    assert found.evaluation_moved == 4 * size_of(x)
    assert found.evaluation_peak == 2 * size_of(x)
    assert found.saved == size_of(x)  # relu keeps its output, the product by a number keeps nothing


def test_a_repeated_element_counts_once_and_work_in_place_makes_nothing():
    class Shift(nn.Module):
        def forward(self, x):
            return x.mul(2).add_(x.new_ones(1, 1, 1, 1).expand_as(x))

    x = torch.randn(1, 2, 8, 8)
    found = count_traffic(Shift(), x)
    assert found.evaluation_moved == 4 * size_of(x) + 8
    assert found.evaluation_peak == size_of(x) + 4


@pytest.mark.parametrize("size", [(4, 64, 32, 32), (2, 256, 28, 28), (2, 512, 14, 14)])
@pytest.mark.parametrize("kind", [SqueezeExcitation, ChannelAttention, CBAM])
def test_a_fused_module_keeps_hardly_more_than_its_input(kind, size):
    x = torch.randn(size)
    readable = kind(size[1])
    plain, fused = count_traffic(readable, x), count_traffic(fuse(kind(size[1])), x)
    assert fused.saved <= 1.1 * size_of(x)
    assert fused.evaluation_peak <= 1.4 * size_of(x)
    assert fused.training_moved < plain.training_moved
    if kind is CBAM:
        assert plain.saved > 1.9 * size_of(x)


def test_measuring_changes_nothing_of_the_models():
    models = {"plain": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))}
    models["half"] = nn.Sequential(nn.Conv2d(3, 2, 3))
    before = {name: {k: v.clone() for k, v in m.state_dict().items()} for name, m in models.items()}
    state = torch.get_rng_state()
    rows = measure_cost(models, (2, 3, 8, 8), rounds=1)
    for name, model in models.items():
        assert_close(dict(model.state_dict()), before[name])
        assert not model.training
        assert all(p.grad is None for p in model.parameters())
    assert torch.get_rng_state().ne(state).any()  # the inputs are drawn
    assert [row.name for row in rows] == ["plain", "half"]
    assert rows[0].cost == count_cost(models["plain"], (2, 3, 8, 8))
    assert all(value > 0 for row in rows for value in (*vars(row.seconds).values(), row.intensity, row.speed))
    with pytest.raises(ValueError, match="rounds is 0"):
        measure_cost(models, (2, 3, 8, 8), rounds=0)


MACHINE = Machine("a processor", 1, bandwidth=1e10, arithmetic=1e11)


def row(name, macs, evaluation):
    traffic = Traffic(10**8, 3 * 10**8, 2**20, 2**21, 2**20)
    return Measured(name, (1, 3, 8, 8), Cost(5, macs), traffic, Seconds(evaluation, 0.02, 0.04))


def test_the_table_gives_ratios_to_the_first_network_and_the_part_of_the_bandwidth():
    table = cost_table([row("none", 10**9, 0.02), row("cbam", 10**9, 0.03)], MACHINE)
    assert [entry["evaluation ratio"] for entry in table] == [1.0, 1.5]
    assert [entry["of bandwidth"] for entry in table] == [0.5, 0.33]
    assert table[1]["operations per byte"] == 20.0


def test_the_roofline_rises_with_the_bandwidth_and_has_a_point_for_each_network():
    figure = plot_roofline(
        [row("none", 10**9, 0.02), row("pooling", 0, 0.01), row("cbam", 10**9, 0.03)], MACHINE
    )
    roof, *points = figure.axes[0].get_lines()
    assert_close(roof.get_ydata()[0] / roof.get_xdata()[0], 10.0)
    assert roof.get_xdata()[1] == 10.0
    assert [line.get_label() for line in points] == ["none: 20.0 ms", "cbam: 30.0 ms"]
    assert_close(points[0].get_ydata()[0], 100.0)


def test_the_machine_moves_and_computes():
    machine = measure_machine()
    assert machine.name
    assert machine.bandwidth > 1e8
    assert machine.arithmetic > 1e8


@pytest.mark.parametrize("out", ["table.csv", "roofline.png"])
def test_the_command_writes_a_table_or_a_plot(out, tmp_path, capsys):
    words = "--model resnet18 --attention none,cbam-fused --size 32 --batch 2 --rounds 1"
    assert main(["cost", *words.split(), "--out", str(tmp_path / out)]) == 0
    printed = capsys.readouterr().out
    assert "cbam-fused" in printed
    assert "million multiply-adds" in printed
    if out == "table.csv":
        rows = list(csv.DictReader((tmp_path / out).read_text(encoding="utf-8").splitlines()))
        assert [r["network"] for r in rows] == ["none", "cbam-fused"]
        assert int(rows[1]["parameters"]) > int(rows[0]["parameters"])
    else:
        assert (tmp_path / out).stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--model resnet5", "model is 'resnet5', which torchvision does not have"),
        ("--model nowhere:net", "model is 'nowhere:net', which cannot be loaded"),
        ("--attention none,sea", "attention has 'sea'; choose from none, se, se-fused"),
        ("--out table.xls", "out is table.xls; give a name that ends in .csv"),
    ],
)
def test_a_mistaken_word_gets_a_sentence(words, sentence, capsys):
    assert main(["cost", *words.split()]) == 1
    assert sentence in capsys.readouterr().err


def test_a_model_may_come_from_any_package():
    assert isinstance(build("torchvision.models:resnet18", "spatial").layer1[0].bn2.attention, nn.Module)


def test_on_one_thread_another_programs_turn_is_not_in_the_time():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        fine = time.get_clock_info("process_time").resolution < 1e-5
        assert cost._clock() is (time.process_time if fine else time.perf_counter)
        torch.set_num_threads(2)
        assert cost._clock() is time.perf_counter
    finally:
        torch.set_num_threads(threads)
