"""Answers to the task early-sigmoid-bug."""

import torch


def mlp(z, w1, w2):
    return torch.relu(z @ w1.T) @ w2.T


def stacked(average, maximum, w1, w2):
    hidden = torch.relu(torch.einsum("snc,hc->snh", torch.stack([average, maximum]), w1))
    return torch.sigmoid(torch.einsum("snh,ch->nc", hidden, w2))


def hidden_added(a, m, w1, w2):
    return torch.sigmoid((torch.relu(a @ w1.T) + torch.relu(m @ w1.T)) @ w2.T)


def written_out(a, m, w1, w2):
    return 1 / (1 + torch.exp(-mlp(a, w1, w2) - mlp(m, w1, w2)))


RIGHT = [
    lambda a, m, w1, w2: torch.sigmoid(mlp(a, w1, w2) + mlp(m, w1, w2)),
    stacked,
    hidden_added,
    written_out,
]

WRONG = {
    "early-sigmoid": [lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()],
    "averaged-gates": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()) / 2],
    "clamped": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()).clamp(0, 1)],
    "multiplied-gates": [lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid() * mlp(m, w1, w2).sigmoid()],
    "sigmoid-twice": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()).sigmoid()],
    "halved-logit": [lambda a, m, w1, w2: ((mlp(a, w1, w2) + mlp(m, w1, w2)) / 2).sigmoid()],
    "added-before-mlp": [lambda a, m, w1, w2: mlp(a + m, w1, w2).sigmoid()],
    "no-sigmoid": [lambda a, m, w1, w2: mlp(a, w1, w2) + mlp(m, w1, w2)],
    "one-branch": [
        lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid(),
        lambda a, m, w1, w2: mlp(m, w1, w2).sigmoid(),
    ],
}
