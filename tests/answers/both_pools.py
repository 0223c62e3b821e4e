"""Answers to the task both-pools."""

from torch.nn import functional as F

RIGHT = [
    lambda x: (x.mean(dim=(2, 3)), x.amax(dim=1)),
    lambda x: [x.flatten(2).mean(-1), x.max(dim=1).values],
    lambda x: (F.adaptive_avg_pool2d(x, 1).flatten(1), x.max(1)[0]),
]

WRONG = {
    "swapped": [lambda x: (x.amax(1), x.mean((2, 3)))],
    "kept-dimensions": [lambda x: (x.mean((2, 3), keepdim=True), x.amax(1, keepdim=True))],
    "axes-exchanged": [lambda x: (x.mean(1), x.amax((2, 3)))],
    "statistic-exchanged": [lambda x: (x.amax((2, 3)), x.mean(1)), lambda x: (x.mean((2, 3)), x.mean(1))],
    "max-with-indices": [lambda x: (x.mean((2, 3)), tuple(x.max(1)))],
}
