"""Answers to the task se-scale-bug."""

import torch


def looped(x, logit):
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[n, c] = x[n, c] / (1 + torch.exp(-logit[n, c]))
    return y


RIGHT = [
    lambda x, logit: x * torch.sigmoid(logit)[:, :, None, None],
    lambda x, logit: x * logit.sigmoid().view(x.size(0), -1, 1, 1),
    lambda x, logit: torch.einsum("nchw,nc->nchw", x, logit.sigmoid()),
    looped,
]

WRONG = {
    "last-axis": [
        lambda x, logit: x * torch.softmax(logit, 1)[:, None, None],
        lambda x, logit: x * torch.sigmoid(logit)[:, None, None],
    ],
    "rows": [lambda x, logit: x * torch.sigmoid(logit)[:, None, :, None]],
    "softmax": [lambda x, logit: x * torch.softmax(logit, 1)[:, :, None, None]],
    "no-sigmoid": [lambda x, logit: x * logit[:, :, None, None]],
    "batch-axis": [
        lambda x, logit: x * torch.sigmoid(logit)[0][None, :, None, None],
        lambda x, logit: x * torch.sigmoid(logit.mean(0))[None, :, None, None],
    ],
    "mask-returned": [lambda x, logit: torch.sigmoid(logit)[:, :, None, None]],
}
