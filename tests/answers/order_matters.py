"""Answers to the task order-matters."""

import torch


def in_steps(x, channel_gate, spatial_gate):
    refined = x * channel_gate(x)
    located = x * spatial_gate(x)
    return refined * spatial_gate(refined), located * channel_gate(located), refined * spatial_gate(x)


def as_list(x, channel_gate, spatial_gate):
    def apply(gate, y):
        return y * gate(y)

    first = apply(spatial_gate, apply(channel_gate, x))
    second = apply(channel_gate, apply(spatial_gate, x))
    return [first, second, x * (channel_gate(x) * spatial_gate(x))]


def gates_first(x, c, s):
    a, b = c(x), s(x)
    return a * x * s(a * x), b * x * c(b * x), torch.mul(b, a) * x


RIGHT = [in_steps, as_list, gates_first]


def _with_third(third):
    return lambda x, c, s: (*in_steps(x, c, s)[:2], third(x, c, s))


def first_gate_lost(x, c, s):
    return x * s(x * c(x)), x * c(x * s(x)), x * c(x) * s(x)


WRONG = {
    "gates-of-x": [lambda x, c, s: (x * c(x) * s(x), x * s(x) * c(x), x * c(x) * s(x))],
    "exchanged": [lambda x, c, s: [in_steps(x, c, s)[i] for i in (1, 0, 2)]],
    "gates-added": [
        _with_third(lambda x, c, s: x * c(x) + x * s(x)),
        _with_third(lambda x, c, s: x * (c(x) + s(x))),
    ],
    "outputs-averaged": [_with_third(lambda x, c, s: (x * c(x) + x * s(x)) / 2)],
    "outputs-multiplied": [_with_third(lambda x, c, s: (x * c(x)) * (x * s(x)))],
    "first-gate-lost": [first_gate_lost],
    "parallel-in-sequence": [_with_third(lambda x, c, s: x * c(x) * s(x * c(x)))],
    "gates-returned": [lambda x, c, s: (c(x) * s(x * c(x)), s(x) * c(x * s(x)), c(x) * s(x))],
}
