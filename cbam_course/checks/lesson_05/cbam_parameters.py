"""How an answer to the task cbam-parameters is examined; the words stand in cbam_parameters.toml beside it."""

from ..values import examine_whole_number

_CHANNEL, _SPATIAL = 2 * 256 * 16, 2 * 7 * 7
_WRONG = {
    _CHANNEL: "spatial-forgotten",
    _SPATIAL: "channel-forgotten",
    _CHANNEL + 49: "one-plane",
    _CHANNEL + 49 * 256: "one-plane-per-channel",
    _CHANNEL + 2 * 49 * 256: "one-plane-per-channel",
    2 * _CHANNEL + _SPATIAL: "two-mlps",
    _CHANNEL // 2 + _SPATIAL: "one-layer",
    _CHANNEL + _SPATIAL + 1: "with-bias",
    _CHANNEL + _SPATIAL + 16 + 256: "with-bias",
    _CHANNEL + _SPATIAL + 16 + 256 + 1: "with-bias",
    _CHANNEL + _SPATIAL + 16 + 256 + 2: "with-bias",
    _CHANNEL * _SPATIAL: "multiplied",
}


def examine(answer, find):
    """2 · 256 · 16 of the MLP and 2 · 7 · 7 of the convolution."""
    yield from examine_whole_number(answer, find, _CHANNEL + _SPATIAL, _WRONG)
