"""Every integer of the course's table of costs, and the multiply-adds to a thousandth of a billion."""

import pytest
import torch

from cbam_course import count_cost, insert_attention
from cbam_course.__main__ import main
from cbam_course.inspection.table import ATTENTION, cost_rows
from cbam_course.networks.resnet import IMAGENET, imagenet_resnet

COLUMNS = ["plain", "SE, with biases", "CBAM, paper", "CBAM, lesson", "SE, without biases"]
PARAMETERS = {
    "resnet18": (11_689_512, 11_778_592, 11_779_392, 11_777_336, 11_776_552),
    "resnet34": (21_797_672, 21_958_868, 21_960_468, 21_956_424, 21_954_856),
    "resnet50": (25_557_032, 28_088_024, 28_089_624, 28_073_544, 28_071_976),
    "resnet101": (44_549_160, 49_326_872, 49_330_172, 49_295_562, 49_292_328),
    "resnext50_32x4d": (25_028_904, 27_559_896, 27_561_496, 27_545_416),
    "resnext101_32x4d": (44_177_704, 48_955_416, 48_958_716, 48_924_106),
}
BILLIONS = {
    "resnet18": (1.814, 1.814, 1.815),
    "resnet34": (3.664, 3.664, 3.665),
    "resnet50": (3.858, 3.860, 3.864),
    "resnet101": (7.570, 7.575, 7.581),
    "resnext50_32x4d": (3.768, 3.771, 3.774),
    "resnext101_32x4d": (7.508, 7.512, 7.519),
}


@pytest.mark.parametrize("name", IMAGENET)
def test_every_number_of_the_table(name):
    rows = list(cost_rows([name]))
    assert [row.attention for row in rows] == COLUMNS
    assert [row.network for row in rows] == [name] * len(COLUMNS)
    assert tuple(row.parameters for row in rows)[: len(PARAMETERS[name])] == PARAMETERS[name]
    assert tuple(round(row.macs / 1e9, 3) for row in rows)[:3] == BILLIONS[name]


@pytest.mark.parametrize("attention", COLUMNS[1:])
def test_the_sums_are_what_the_network_with_attention_costs(attention):
    with torch.device("meta"):
        model = insert_attention(imagenet_resnet("resnet18"), ATTENTION[attention])
    row = next(row for row in cost_rows(["resnet18"]) if row.attention == attention)
    assert count_cost(model, (1, 3, 224, 224)) == (row.parameters, row.macs)


def test_torchvisions_stride_makes_resnet_50_dearer():
    plain = next(cost_rows(["resnet50"], stride="3x3"))
    assert plain.parameters == 25_557_032
    assert round(plain.macs / 1e9, 3) == 4.089


def test_the_command_prints_the_table_whole_on_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["table", "resnet18"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{n:,}" in printed for n in PARAMETERS["resnet18"])
    assert "resnet34" not in printed
    assert "4.089" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_the_stride_can_be_chosen_and_is_explained(capsys):
    main(["table", "resnet18", "--stride", "3x3"])
    assert "as in torchvision in the 3×3" in " ".join(capsys.readouterr().out.split())
    main(["table", "resnet18"])
    assert "as in the papers in the first 1×1" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_network_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["table", "resnet19"])
    assert "no such network: resnet19; choose from resnet18, resnet34" in capsys.readouterr().err
