"""Answers to the task swap-the-planes."""

import torch


def split(weight):
    first, second = weight.split(1, dim=1)
    return torch.cat([second, first], dim=1)


def copied(weight):
    result = weight.clone()
    result[:, 0], result[:, 1] = weight[:, 1], weight[:, 0]
    return result


def overwritten(weight):
    result = weight.clone()
    result[:, 0] = result[:, 1]
    result[:, 1] = result[:, 0]
    return result


def in_place(weight):
    weight[:, [0, 1]] = weight[:, [1, 0]]
    return weight


RIGHT = [
    lambda weight: weight.flip(1),
    lambda weight: weight[:, [1, 0]],
    lambda weight: weight.roll(1, dims=1),
    split,
    copied,
]

WRONG = {
    "unchanged": [lambda weight: weight, lambda weight: weight.clone()],
    "turned-round": [
        lambda weight: weight.flip(2, 3),
        lambda weight: weight.flip(1, 2, 3),
        lambda weight: weight.flip(-1),
    ],
    "transposed": [lambda weight: weight.transpose(2, 3), lambda weight: weight.transpose(0, 1)],
    "overwritten": [overwritten],
    "negated": [lambda weight: -weight],
    "changed-in-place": [in_place],
}
