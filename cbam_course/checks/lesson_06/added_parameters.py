"""How an answer to the task added-parameters is examined; the words stand in added_parameters.toml beside it."""

from ..values import examine_whole_number


def _cbam(channels: int, mlps: int = 1, layers: int = 2, biases: int = 0, kernel: int = 98) -> int:
    """The parameters of one CBAM, r = 16, counted rightly or wrongly."""
    return mlps * layers * channels * (channels // 16) + biases * (channels + channels // 16) + kernel


_NETWORK = sum(n * _cbam(c) for n, c in ((3, 256), (4, 512), (6, 1024), (3, 2048)))
_RIGHT = 3 * _cbam(2048)
_WRONG = {
    3 * _cbam(512): "planes-not-expanded",
    3 * _cbam(512, kernel=0): "planes-not-expanded",
    _cbam(512): "planes-not-expanded",
    _cbam(2048): "one-block",
    _cbam(2048, kernel=0): "one-block",
    **{blocks * _cbam(2048): "four-blocks" for blocks in (2, 4, 6, 16)},
    _NETWORK: "whole-network",
    3 * _cbam(2048, kernel=0): "spatial-forgotten",
    3 * _cbam(2048, mlps=2): "two-mlps",
    3 * _cbam(2048, mlps=2, kernel=0): "two-mlps",
    3 * _cbam(2048, layers=1): "one-layer",
    3 * _cbam(2048, layers=1, kernel=0): "one-layer",
    **{3 * _cbam(2048, biases=1, kernel=98 + extra): "with-bias" for extra in (0, 1, 2)},
    3 * _cbam(2048, biases=1, kernel=0): "with-bias",
    3 * _cbam(2048, kernel=99): "with-bias",
    3 * _cbam(2048, kernel=100): "with-bias",
}


def examine(answer, find):
    """3 · (2 · 2048 · 128 + 2 · 7 · 7)."""
    yield from examine_whole_number(answer, find, _RIGHT, _WRONG)
