"""Answers to the task pointing-rate."""

import torch


def looped(maps, masks):
    hits = 0
    for values, mask in zip(maps, masks, strict=True):
        row, column = divmod(int(values.argmax()), values.shape[1])
        hits += bool(mask[row, column])
    return hits / len(maps)


def by_maximum(maps, masks):
    inside = maps.masked_fill(~masks, -torch.inf).flatten(1).amax(1)
    return (inside == maps.flatten(1).amax(1)).double().mean().item()


def indexed(maps, masks):
    return masks.flatten(1)[torch.arange(len(maps)), maps.flatten(1).argmax(1)].float().mean()


def exchanged(maps, masks):
    best = maps.flatten(1).argmax(1)
    row, column = best // maps.shape[2], best % maps.shape[2]
    rows, columns = column.clamp(max=maps.shape[1] - 1), row.clamp(max=maps.shape[2] - 1)
    return masks[torch.arange(len(maps)), rows, columns].float().mean()


RIGHT = [
    lambda maps, masks: (
        masks.flatten(1).gather(1, maps.flatten(1).argmax(1, keepdim=True)).float().mean().item()
    ),
    looped,
    by_maximum,
    indexed,
]

WRONG = {
    "one-for-all": [lambda maps, masks: masks.flatten()[maps.argmax()].float()],
    "average-inside": [lambda maps, masks: maps[masks].mean()],
    "counted": [lambda maps, masks: indexed(maps, masks) * len(maps)],
    "darkest": [lambda maps, masks: indexed(-maps, masks)],
    "share-of-brightness": [
        lambda maps, masks: (maps * masks).sum() / maps.sum(),
        lambda maps, masks: ((maps * masks).sum((1, 2)) / maps.sum((1, 2))).mean(),
    ],
    "rows-and-columns": [exchanged],
    "other-image": [lambda maps, masks: indexed(maps, masks.roll(1, 0))],
    "area": [lambda maps, masks: masks.float().mean()],
}
