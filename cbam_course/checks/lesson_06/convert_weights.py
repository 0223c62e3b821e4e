"""How an answer to the task convert-weights is examined; the words stand in convert_weights.toml beside it."""

import torch

from ...attention import CBAM
from ..values import close, show

MLP = {"fc1.weight": "channel.mlp.0.weight", "fc2.weight": "channel.mlp.2.weight"}
KERNEL, OURS = "conv.weight", "spatial.conv.weight"


def _state(channels: int, hidden: int, kernel: int, seed: int = 4) -> dict[str, torch.Tensor]:
    """A state of the other module: 1×1 convolutions, and the maximum in plane 0 of the kernel."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "fc1.weight": (hidden, channels, 1, 1),
        "fc2.weight": (channels, hidden, 1, 1),
        KERNEL: (1, 2, kernel, kernel),
    }
    return {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def _copy(state):
    return {key: value.clone() for key, value in state.items()}


def _expected(state) -> dict[str, torch.Tensor]:
    return {**{MLP[key]: state[key].flatten(1) for key in MLP}, OURS: state[KERNEL].flip(1)}


def examine(convert, find):
    """A module of 4 channels and 4 hidden units, in which every mix-up fits; then biases, and other sizes."""
    state, expected = _state(4, 4, 7), _expected(_state(4, 4, 7))
    handed = _copy(state)
    got = convert(handed)
    keys = sorted(got) if isinstance(got, dict) else None
    yield find(
        "keys", keys == sorted(expected), _wrong_keys(keys), expected=_names(expected), got=_names(got)
    )
    if keys != sorted(expected):
        return
    for key, value in expected.items():
        if not _same_shape(got[key], value):
            slug = "still-4d" if getattr(got[key], "ndim", 0) == 4 and key != OURS else None
            yield find("shapes", False, slug, key=key, expected=tuple(value.shape), got=show(got[key]))
            return
    yield find("shapes", True)
    right = all(close(got[key].detach(), expected[key]) for key in MLP.values())
    yield find("channel", right, _wrong_mlp(got, expected))
    right = close(got[OURS].detach(), expected[OURS])
    yield find("spatial", right, _wrong_kernel(got[OURS].detach(), state[KERNEL]))
    changed = [k for k in state if k not in handed or not close(handed[k], state[k], 0.0)]
    same = not changed and len(handed) == len(state)
    yield find("kept", same, "changed-in-place", got=f"another {changed[0]}" if changed else "more keys")
    yield from _biases(convert, find)


def _biases(convert, find):
    """Biases of zeros, then one that adds something; all with other sizes, so that the result is loaded."""
    state = _state(8, 2, 3)
    zeros = {"fc1.bias": torch.zeros(2), "fc2.bias": torch.zeros(8), "conv.bias": torch.zeros(1)}
    try:
        got = convert({**_copy(state), **zeros})
        CBAM(8, 4, 3).load_state_dict(got)
        fits = all(close(got[key], value) for key, value in _expected(state).items())
        yield find("zero-bias", fits, None, got="another state, or one that does not load into CBAM(8, 4, 3)")
    except (ValueError, AssertionError, RuntimeError, KeyError) as error:
        yield find("zero-bias", False, "zero-bias-refused", got=f"{type(error).__name__}: {str(error)[:80]}")
    for key in ("fc2.bias", "conv.bias"):
        bias = zeros[key].clone()
        bias[0] = -0.01
        try:
            convert({**_copy(state), **zeros, key: bias})
        except ValueError:
            continue
        except (KeyError, RuntimeError, AssertionError, TypeError) as error:
            yield find("refused", False, "wrong-error", key=key, got=type(error).__name__)
            return
        yield find("refused", False, "bias-dropped", key=key, got="a result, without a word")
        return
    yield find("refused", True)


def _same_shape(got, value) -> bool:
    return isinstance(got, torch.Tensor) and got.shape == value.shape


def _names(state) -> str:
    return ", ".join(map(str, state)) if isinstance(state, dict) else show(state)


def _wrong_keys(keys) -> str | None:
    if keys is None:
        return None
    if "channel.mlp.1.weight" in keys:
        return "wrong-number"
    return "old-keys" if set(keys) & {*MLP, KERNEL} else None


def _wrong_mlp(got, expected) -> str | None:
    first, second = (got[key].detach() for key in MLP.values())
    a, b = (expected[key] for key in MLP.values())
    if close(first, b) and close(second, a):
        return "layers-exchanged"
    return "transposed" if any(close(x, y.mT) for x in (first, second) for y in (a, b)) else None


def _wrong_kernel(got, kernel) -> str | None:
    turned = (kernel.flip(2, 3), kernel.flip(1, 2, 3), kernel.flip(2), kernel.flip(3), kernel.mT)
    if any(close(got, value) for value in turned):
        return "turned-round"
    return "planes-not-swapped" if close(got, kernel) else None
