"""Answers to the task feature-shrink."""

import torch
from torch import nn


def looped(make_block, x, blocks):
    y = x
    for _ in range(blocks):
        y = make_block()(y)
    return (y.std() / x.std()).item()


def stacked(make_block, x, blocks):
    network = nn.Sequential(*[make_block() for _ in range(blocks)])
    with torch.no_grad():
        return network(x).std() / x.std()


def by_roots(make_block, x, blocks):
    y = stacked_output(make_block, x, blocks)
    return float(y.var().sqrt() / x.var().sqrt())


def stacked_output(make_block, x, blocks):
    if blocks == 0:
        return x
    before = stacked_output(make_block, x, blocks - 1)
    return make_block()(before)


def reused(make_block, x, blocks):
    block, y = make_block(), x
    for _ in range(blocks):
        y = block(y)
    return (y.std() / x.std()).item()


def step(make_block, x, blocks):
    for _ in range(blocks):
        before, x = x, make_block()(x)
    return (x.std() / before.std()).item()


def side_by_side(make_block, x, blocks):
    return sum((make_block()(x).std() / x.std()).item() for _ in range(blocks)) / blocks


def last_of_many(make_block, x, blocks):
    for _ in range(blocks):
        y = make_block()(x)
    return (y.std() / x.std()).item()


RIGHT = [looped, stacked, by_roots]

WRONG = {
    "inverted": [lambda make, x, n: 1 / looped(make, x, n)],
    "variance": [lambda make, x, n: (stacked_output(make, x, n).var() / x.var()).item()],
    "one-module-reused": [reused],
    "one-block": [lambda make, x, n: looped(make, x, 1)],
    "last-block-only": [step, last_of_many],
    "difference": [
        lambda make, x, n: (x.std() - stacked_output(make, x, n).std()).item(),
        lambda make, x, n: 1 - looped(make, x, n),
    ],
    "not-divided": [lambda make, x, n: stacked_output(make, x, n).std().item()],
    "averages": [lambda make, x, n: (stacked_output(make, x, n).mean() / x.mean()).item()],
    "norms": [lambda make, x, n: (stacked_output(make, x, n).norm() / x.norm()).item()],
    "blocks-side-by-side": [side_by_side],
}
