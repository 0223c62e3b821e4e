"""Answers to the task convert-weights."""

import torch

NAMES = {
    "fc1.weight": "channel.mlp.0.weight",
    "fc2.weight": "channel.mlp.2.weight",
    "conv.weight": "spatial.conv.weight",
}


def in_a_loop(state):
    ours = {}
    for key, value in state.items():
        if key in ("fc1.weight", "fc2.weight"):
            ours[NAMES[key]] = value.flatten(1)
        elif key == "conv.weight":
            ours[NAMES[key]] = value.flip(1)
        elif value.any():
            raise ValueError(f"{key} cannot be carried over")
    return ours


def one_by_one(state):
    for key in state:
        if key not in NAMES and state[key].abs().max() > 0:
            raise ValueError(key)
    return {
        "channel.mlp.0.weight": state["fc1.weight"].squeeze(-1).squeeze(-1).clone(),
        "channel.mlp.2.weight": state["fc2.weight"][:, :, 0, 0],
        "spatial.conv.weight": state["conv.weight"][:, [1, 0]],
    }


class CannotConvert(ValueError):
    pass


def with_an_error_of_its_own(state):
    rest = dict(state)
    first, second, kernel = (rest.pop(key) for key in NAMES)
    if any(float(value.norm()) for value in rest.values()):
        raise CannotConvert(", ".join(rest))
    maximum, mean = kernel.unbind(1)
    values = (
        first.reshape(first.shape[:2]),
        second.reshape(second.shape[:2]),
        torch.stack((mean, maximum), 1),
    )
    return dict(zip(NAMES.values(), values, strict=True))


RIGHT = [in_a_loop, one_by_one, with_an_error_of_its_own]


def change(**steps):
    """The right answer with some tensors of its result made by other steps."""

    def convert(state):
        ours = in_a_loop(state)
        return ours | {key.replace("_", "."): step(state) for key, step in steps.items()}

    return convert


def renamed(**names):
    return lambda state: {
        names.get(key.replace(".", "_"), key): value for key, value in in_a_loop(state).items()
    }


def only_renamed(state):
    return {NAMES[key]: value for key, value in state.items() if key in NAMES}


def dropped(state):
    return in_a_loop({key: value for key, value in state.items() if key in NAMES})


def too_strict(state):
    if set(state) != set(NAMES):
        raise ValueError("other keys")
    return in_a_loop(state)


def popped(state):
    ours = in_a_loop(state)
    for key in NAMES:
        state.pop(key)
    return ours


def overwritten(state):
    ours = in_a_loop(state)
    state["conv.weight"].copy_(ours["spatial.conv.weight"])
    return ours


def asserted(state):
    assert not any(value.any() for key, value in state.items() if key not in NAMES)
    return dropped(state)


WRONG = {
    "planes-not-swapped": [change(spatial_conv_weight=lambda state: state["conv.weight"])],
    "turned-round": [
        change(spatial_conv_weight=lambda state: state["conv.weight"].flip(2, 3)),
        change(spatial_conv_weight=lambda state: state["conv.weight"].flip(1, 2, 3)),
    ],
    "still-4d": [
        only_renamed,
        change(channel_mlp_2_weight=lambda state: state["fc2.weight"]),
    ],
    "layers-exchanged": [
        renamed(channel_mlp_0_weight="channel.mlp.2.weight", channel_mlp_2_weight="channel.mlp.0.weight")
    ],
    "old-keys": [
        lambda state: {
            key: value.flatten(1) if key[0] == "f" else value.flip(1) for key, value in state.items()
        },
        lambda state: {**state, **in_a_loop(state)},
    ],
    "wrong-number": [renamed(channel_mlp_2_weight="channel.mlp.1.weight")],
    "transposed": [
        change(
            channel_mlp_0_weight=lambda state: state["fc1.weight"].flatten(1).T,
            channel_mlp_2_weight=lambda state: state["fc2.weight"].flatten(1).T,
        ),
    ],
    "bias-dropped": [dropped],
    "zero-bias-refused": [too_strict],
    "changed-in-place": [popped, overwritten],
    "wrong-error": [asserted],
}
