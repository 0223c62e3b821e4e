"""Answers to tasks of lessons 02 to 07 that were written without a look at how they are examined."""

import copy
import itertools
import statistics

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


RIGHT["two-summaries"] = [
    lambda x: (F.adaptive_avg_pool2d(x, 1)[..., 0, 0], F.adaptive_max_pool2d(x, 1)[..., 0, 0]),
    lambda x: tuple(
        torch.stack([f(im.flatten(1)) for im in x]) for f in (lambda m: m.mean(1), lambda m: m.max(1)[0])
    ),
    lambda x: (x.sum((-1, -2)) / x[0, 0].numel(), x.flatten(2).sort(-1).values[..., -1]),
]

WRONG["two-summaries"] = {
    "along-one-axis-first": [lambda x: (x.mean((2, 3)), x.amax(3).mean(2))],
    "max-with-indices": [lambda x: (x.mean((2, 3)), x.flatten(2).max(2))],
    "median": [lambda x: (x.flatten(2).median(2)[0], x.amax((2, 3)))],
    None: [lambda x: (x.mean((2, 3)).softmax(1), x.amax((2, 3)).softmax(1))],
    "cut-off-at-zero": [lambda x: (x.mean((2, 3)).relu(), x.amax((2, 3)).relu())],
    "place-not-value": [lambda x: (x.mean((2, 3)), x.flatten(2).argmax(2).float())],
    "positive-values-only": [lambda x: (x.relu().mean((2, 3)), x.amax((2, 3)))],
}


def mlp(z, w1, w2):
    return F.linear(torch.relu(F.linear(z, w1)), w2)


def s3(x):
    return (x.mean((2, 3)), x.amax((2, 3)), (x - x.mean((2, 3), keepdim=True)).pow(2).mean((2, 3)).sqrt())


RIGHT["third-summary"] = [
    lambda x, w1, w2: torch.sigmoid(sum(mlp(s, w1, w2) for s in s3(x))),
    lambda x, w1, w2: torch.sigmoid(mlp(torch.stack(s3(x)), w1, w2).sum(0)),
    lambda x, w1, w2: 1 / (1 + torch.exp(-(torch.relu(torch.stack(s3(x)) @ w1.T).sum(0) @ w2.T))),
]

WRONG["third-summary"] = {
    "summary-twice": [lambda x, w1, w2: (mlp(s3(x)[0], w1, w2) + 2 * mlp(s3(x)[1], w1, w2)).sigmoid()],
    "spread-over-images": [
        lambda x, w1, w2: (
            mlp(s3(x)[0], w1, w2)
            + mlp(s3(x)[1], w1, w2)
            + mlp(x.std((0, 2, 3), correction=0).expand(len(x), -1), w1, w2)
        ).sigmoid()
    ],
    "minimum": [
        lambda x, w1, w2: (
            mlp(s3(x)[0], w1, w2) + mlp(s3(x)[1], w1, w2) + mlp(x.amin((2, 3)), w1, w2)
        ).sigmoid()
    ],
    "activation-last": [lambda x, w1, w2: torch.relu(sum(mlp(s, w1, w2) for s in s3(x))).sigmoid()],
    None: [
        lambda x, w1, w2: (
            mlp(s3(x)[0], w1, w2)
            + mlp(s3(x)[1], w1, w2)
            + mlp(x.std(1, correction=0).mean((1, 2))[:, None].expand(-1, x.shape[1]), w1, w2)
        ).sigmoid(),
        lambda x, w1, w2: (
            mlp(s3(x)[0], w1, w2) + mlp(s3(x)[1], w1, w2) + mlp(x.abs().std((2, 3), correction=0), w1, w2)
        ).sigmoid(),
    ],
    "one-summary": [lambda x, w1, w2: mlp(s3(x)[2], w1, w2).sigmoid()],
    "matrices-exchanged": [lambda x, w1, w2: sum((s @ w2).relu() @ w1 for s in s3(x)).sigmoid()],
}


RIGHT["se-scale-bug"] = [
    lambda x, level: torch.einsum("nchw,nc->nchw", x, level.sigmoid()),
    lambda x, level: (x.flatten(2) * level.sigmoid().unsqueeze(-1)).reshape(x.shape),
    lambda x, level: x / (1 + (-level).exp())[..., None, None],
]

WRONG["se-scale-bug"] = {
    "images-compete": [lambda x, level: x * level.softmax(0)[:, :, None, None]],
    "complement": [lambda x, level: x * (1 - level.sigmoid())[:, :, None, None]],
    "hard-sigmoid": [lambda x, level: x * F.hardsigmoid(level)[:, :, None, None]],
    "relu-gate": [lambda x, level: x * level.relu()[:, :, None, None]],
    "doubled": [lambda x, level: 2 * x * level.sigmoid()[:, :, None, None]],
    "gate-added": [lambda x, level: x + level.sigmoid()[:, :, None, None]],
    "one-factor-for-an-image": [lambda x, level: x * level.sigmoid().mean(1)[:, None, None, None]],
    "divided": [lambda x, level: x / level.sigmoid()[:, :, None, None]],
}


def tp(x, w, planes=None, pad=None, end=torch.sigmoid):
    p = planes(x) if planes else [x.mean(1), x.amax(1), (x > 0).float().mean(1)]
    return end(F.conv2d(torch.stack(p, 1), w, padding=w.shape[-1] // 2 if pad is None else pad))


RIGHT["three-pools"] = [
    lambda x, w: torch.sigmoid(
        F.conv2d(
            torch.cat([x.mean(1, True), x.max(1, True)[0], x.gt(0).double().mean(1, True).to(x.dtype)], 1),
            w,
            padding="same",
        )
    ),
    lambda x, w: tp(
        x, w, lambda x: [x.sum(1) / x.shape[1], x.max(1).values, (x.sign() > 0).sum(1) / x.shape[1]]
    ),
    lambda x, w: torch.sigmoid(
        sum(
            (
                F.conv2d(p[:, None], w[:, i : i + 1], padding=(w.shape[-1] - 1) // 2)
                for i, p in enumerate([x.mean(1), x.amax(1), (x > 0).to(x).mean(1)])
            )
        )
    ),
]

WRONG["three-pools"] = {
    "sum-not-mean": [lambda x, w: tp(x, w, lambda x: [x.mean(1), x.amax(1), (x > 0).float().sum(1)])],
    "share-of-the-others": [
        lambda x, w: tp(x, w, lambda x: [x.mean(1), x.amax(1), (x <= 0).float().mean(1)])
    ],
    "swapped-order": [lambda x, w: tp(x, w, lambda x: [(x > 0).float().mean(1), x.mean(1), x.amax(1)])],
    "other-border": [lambda x, w: tp(F.pad(x, [w.shape[-1] // 2] * 4, mode="replicate"), w, pad=0)],
    "product-returned": [lambda x, w: x * tp(x, w)],
    "positive-mean": [
        lambda x, w: tp(x, w, lambda x: [x.relu().mean(1), x.amax(1), (x > 0).float().mean(1)])
    ],
    "share-over-positions": [
        lambda x, w: tp(
            x,
            w,
            lambda x: [
                x.mean(1),
                x.amax(1),
                (x > 0).float().mean((1, 2, 3))[:, None, None].expand_as(x[:, 0]),
            ],
        )
    ],
    "no-sigmoid": [lambda x, w: tp(x, w, end=lambda v: v)],
    "no-channel-axis": [lambda x, w: tp(x, w)[:, 0]],
}


def sb(x, w, pad=None, pools=None, end=torch.sigmoid):
    p = torch.cat([x.mean(1, True), x.amax(1, True)] if pools is None else pools(x), 1)
    return end(F.conv2d(p, w, padding=w.shape[-1] // 2 if pad is None else pad))


RIGHT["spatial-bug"] = [
    lambda x, w: x * sb(x, w),
    lambda x, w: x * sb(x, w, "same"),
    lambda x, w: torch.mul(
        x, torch.sigmoid(F.conv2d(F.pad(torch.stack((x.mean(1), x.max(1)[0]), 1), [w.shape[-1] // 2] * 4), w))
    ),
]

WRONG["spatial-bug"] = {
    "still-divided": [lambda x, w: (lambda g: x * g / g.max())(sb(x, w))],
    "still-stretched": [
        lambda x, w: x * F.interpolate(sb(x, w, 0), size=x.shape[2:], mode="bilinear"),
        lambda x, w: x * F.interpolate(sb(x, w, 0), size=x.shape[2:]),
    ],
    "divided-by-image": [lambda x, w: (lambda g: x * g / g.amax((2, 3), keepdim=True))(sb(x, w))],
    "gate-padded": [
        lambda x, w: x * F.pad(sb(x, w, 0), [w.shape[-1] // 2] * 4),
        lambda x, w: x * F.pad(sb(x, w, 0), [w.shape[-1] // 2] * 4, value=1.0),
        lambda x, w: x * F.pad(sb(x, w, 0).logit(), [w.shape[-1] // 2] * 4).sigmoid(),
    ],
    "other-border": [
        lambda x, w: (
            x
            * torch.sigmoid(
                F.conv2d(
                    F.pad(
                        torch.cat([x.mean(1, True), x.amax(1, True)], 1),
                        [w.shape[-1] // 2] * 4,
                        mode="replicate",
                    ),
                    w,
                )
            )
        )
    ],
    "swapped-planes": [lambda x, w: x * sb(x, w, pools=lambda x: [x.amax(1, True), x.mean(1, True)])],
    "softmax": [
        lambda x, w: (
            x
            * F.conv2d(torch.cat([x.mean(1, True), x.amax(1, True)], 1), w, padding=w.shape[-1] // 2)
            .flatten(2)
            .softmax(2)
            .view(len(x), 1, *x.shape[2:])
        )
    ],
    "range-stretched": [lambda x, w: (lambda g: x * (g - g.min()) / (g.max() - g.min()))(sb(x, w))],
}


def tw2(x):
    s = x.sort(1).values
    M = s[:, -1:]
    rest = (x.sum(1, keepdim=True) - M) / (x.shape[1] - 1)
    return torch.cat([rest.expand(-1, x.shape[1] - 1, -1, -1), M], 1)


def others_mirrored(x):
    """Right wherever no channel lies so far below the others that its mirror image is the new maximum."""
    return torch.where(x == x.amax(1, keepdim=True), x, 2 * tw2(x)[:, :1] - x)


RIGHT["twin-map"] = [tw2, lambda x: tw2(x).flip(1)]

WRONG["twin-map"] = {
    "reordered": [lambda x: x.flip(1), lambda x: x.roll(1, 1)],
    "unchanged": [lambda x: x.clone()],
    "shifted": [lambda x: x + 1],
    "mean-only": [
        lambda x: x.mean(1, keepdim=True) * 2 - x,
        lambda x: x.mean(1, keepdim=True) + 0.5 * (x - x.mean(1, keepdim=True)),
        others_mirrored,
    ],
    "flattened": [lambda x: x.mean(1, keepdim=True).expand_as(x)],
    "maximum-only": [lambda x: x.amax(1, keepdim=True).expand_as(x)],
    None: [lambda x: torch.randn_like(x)],
    "positions-exchanged": [lambda x: x.flip(3)],
}


def pr(maps, masks):
    hits = 0
    for m, k in zip(maps, masks, strict=False):
        i = int(m.argmax())
        hits += bool(k.flatten()[i])
    return hits / len(maps)


RIGHT["pointing-rate"] = [
    pr,
    lambda m, k: ((m == m.amax((1, 2), keepdim=True)) & k).flatten(1).any(1).double().mean(),
    lambda m, k: (
        torch.stack(
            [a[b].max() == a.max() if b.any() else torch.tensor(False) for a, b in zip(m, k, strict=False)]
        )
        .float()
        .mean()
    ),
]

WRONG["pointing-rate"] = {
    "share-of-brightness": [lambda m, k: (m * k).sum() / m.sum()],
    "counted": [lambda m, k: pr(m, k) * len(m)],
    "in-percent": [lambda m, k: 100 * pr(m, k)],
    "one-for-all": [lambda m, k: float(k.flatten()[m.argmax()])],
    "any-bright-pixel": [
        lambda m, k: ((m > m.mean((1, 2), keepdim=True)) & k).flatten(1).any(1).float().mean()
    ],
    "per-image": [lambda m, k: ((m == m.amax((1, 2), keepdim=True)) & k).flatten(1).any(1)],
    "darkest": [lambda m, k: pr(-m, k)],
    "area": [lambda m, k: k.float().mean()],
    "absolute": [lambda m, k: pr(m.abs(), k)],
    "overlap": [lambda m, k: ((m > 0) & k).sum() / ((m > 0) | k).sum()],
    "one-less": [lambda m, k: 1 - pr(m, k)],
}


RIGHT["order-matters"] = [
    lambda x, c, s: ((lambda y: y * s(y))(x * c(x)), (lambda y: y * c(y))(x * s(x)), x * (c(x) * s(x))),
    lambda x, c, s: [x * c(x) * s(x * c(x)), x * s(x) * c(x * s(x)), c(x) * x * s(x)],
    lambda x, c, s: (torch.mul(x * c(x), s(x * c(x))), torch.mul(x * s(x), c(x * s(x))), s(x) * (x * c(x))),
]

WRONG["order-matters"] = {
    "gates-of-x": [
        lambda x, c, s: (x * c(x) * s(x),) * 3,
        lambda x, c, s: (x * c(x) * s(x), *RIGHT["order-matters"][0](x, c, s)[1:]),
    ],
    "gates-added": [
        lambda x, c, s: (
            RIGHT["order-matters"][0](x, c, s)[0],
            RIGHT["order-matters"][0](x, c, s)[1],
            x * c(x) + x * s(x),
        ),
        lambda x, c, s: (*RIGHT["order-matters"][0](x, c, s)[:2], x * (c(x) + s(x))),
    ],
    "exchanged": [
        lambda x, c, s: (lambda r: (r[1], r[0], r[2]))(RIGHT["order-matters"][0](x, c, s)),
    ],
    "another-order": [lambda x, c, s: (lambda r: (r[2], r[0], r[1]))(RIGHT["order-matters"][0](x, c, s))],
    None: [
        lambda x, c, s: (c(x), s(x), c(x) * s(x)),
        lambda x, c, s: (x * c(x) * s(c(x) * torch.ones_like(x)), *RIGHT["order-matters"][0](x, c, s)[1:]),
    ],
    "outputs-averaged": [
        lambda x, c, s: (*RIGHT["order-matters"][0](x, c, s)[:2], (x * c(x) + x * s(x)) / 2)
    ],
    "extra-residual": [lambda x, c, s: tuple(x + r for r in RIGHT["order-matters"][0](x, c, s))],
}


RIGHT["swap-the-planes"] = [
    lambda w: w[:, [1, 0]],
    lambda w: torch.cat([w[:, 1:], w[:, :1]], 1),
    lambda w: w.roll(1, 1),
    lambda w: torch.stack([w[0, 1], w[0, 0]])[None],
]

WRONG["swap-the-planes"] = {
    "turned-round": [lambda w: w.flip(0, 1, 2, 3), lambda w: w.flip(2, 3), lambda w: w.flip(2)],
    "unchanged": [lambda w: w],
    "transposed": [lambda w: w.mT, lambda w: w.transpose(0, 1)],
    "negated": [lambda w: -w],
    None: [lambda w: w.flip(1).rot90(1, (2, 3))],
    "overwritten": [lambda w: w[:, [1, 1]]],
    "averaged": [lambda w: w.mean(1, keepdim=True).expand_as(w)],
    "axis-lost": [lambda w: w[0].flip(0)],
}


def fs(mk, x, b):
    y = x
    for m in [mk() for _ in range(b)]:
        y = m(y)
    return float(y.std() / x.std())


RIGHT["feature-shrink"] = [
    fs,
    lambda mk, x, b: nn.Sequential(*(mk() for _ in range(b)))(x).detach().std() / x.std(),
    lambda mk, x, b: fs(mk, x, b) * 1.0,
]


def fs_same(mk, x, b):
    m = mk()
    y = x
    for _ in range(b):
        y = m(y)
    return float(y.std() / x.std())


def fs_par(mk, x, b):
    return float(sum(mk()(x) for _ in range(b)).std() / x.std())


WRONG["feature-shrink"] = {
    "one-module-reused": [fs_same],
    "one-block": [lambda mk, x, b: float(mk()(x).std() / x.std())],
    "not-divided": [lambda mk, x, b: fs(mk, x, b) * float(x.std())],
    "inverted": [lambda mk, x, b: 1 / fs(mk, x, b)],
    "variance": [lambda mk, x, b: fs(mk, x, b) ** 2],
    "one-too-many": [lambda mk, x, b: fs(mk, x, b + 1)],
    "one-too-few": [lambda mk, x, b: fs(mk, x, b - 1)],
    "blocks-side-by-side": [fs_par],
    "power-of-one": [lambda mk, x, b: float(mk()(x).std() / x.std()) ** b],
    "averaged-spreads": [
        lambda mk, x, b: (lambda y: float(y.std((0, 2, 3)).mean() / x.std((0, 2, 3)).mean()))(
            nn.Sequential(*(mk() for _ in range(b)))(x).detach()
        )
    ],
    "averages": [
        lambda mk, x, b: (lambda y: float(y.abs().mean() / x.abs().mean()))(
            nn.Sequential(*(mk() for _ in range(b)))(x).detach()
        )
    ],
    "difference": [lambda mk, x, b: float(x.std()) * (1 - fs(mk, x, b)), lambda mk, x, b: 1 - fs(mk, x, b)],
}


class Wrapped(nn.Module):
    def __init__(self, bn, at):
        super().__init__()
        self.bn = bn
        self.at = at

    def forward(self, x):
        return self.at(self.bn(x))


def ih_sub(block, a):
    bn = block.bn2

    class BN(type(bn)):
        def forward(self, x):
            return self.attention(super().forward(x))

    bn.attention = a
    bn.__class__ = BN
    return block


def ih_hook(block, a):
    block.attention = a
    block.bn2.attention = a
    del block.attention
    block.bn2.register_forward_hook(lambda m, i, o: m.attention(o))
    return block


def ih_conv_post(block, a):
    block.bn2.add_module("gate", a)

    def h(m, i, o):
        return m.get_submodule("gate")(o)

    block.bn2.register_forward_hook(h)
    return block


RIGHT["insert-by-hand"] = [ih_sub, ih_hook, ih_conv_post]


def ih_seq(block, a):
    block.bn2 = nn.Sequential(block.bn2, a)
    return block


def ih_wrap(block, a):
    block.bn2 = Wrapped(block.bn2, a)
    return block


def ih_closure(block, a):
    block.attention = a
    block.bn2.register_forward_hook(lambda m, i, o: a(o))
    return block


def ih_after(block, a):
    block.attention = a
    block.register_forward_hook(lambda m, i, o: m.attention(o))
    return block


def ih_conv(block, a):
    block.conv2.attention = a
    block.conv2.register_forward_hook(lambda m, i, o: m.attention(o))
    return block


def ih_unreg(block, a):
    block.bn2.register_forward_hook(lambda m, i, o: a(o))
    return block


def ih_copy(block, a):
    block = copy.deepcopy(block)
    return ih_hook(block, a)


def ih_first(block, a):
    block.bn1.attention = a
    block.bn1.register_forward_hook(lambda m, i, o: m.attention(o))
    return block


def ih_nohook(block, a):
    block.attention = a
    return block


def ih_pre(block, a):
    block.bn2.attention = a
    block.bn2.register_forward_pre_hook(lambda m, i: m.attention(i[0]))
    return block


def ih_forward(block, a):
    block.attention = a

    def f(x):
        o = block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))
        return torch.relu(x + block.attention(o))

    block.forward = f
    return block


WRONG["insert-by-hand"] = {
    "keys-changed": [ih_seq, ih_wrap],
    "closure": [ih_closure, ih_forward],
    "after-addition": [ih_after],
    "before-batchnorm": [ih_conv, ih_pre],
    "not-registered": [ih_unreg],
    "new-block": [ih_copy, lambda b, a: (ih_hook(b, a), a)[1]],
    "wrong-norm": [ih_first],
    "not-inserted": [ih_nohook],
}


def cw(st):
    for k in st:
        if k.endswith("bias") and torch.count_nonzero(st[k]):
            raise ValueError(k)
    return {
        "channel.mlp.0.weight": st["fc1.weight"][:, :, 0, 0],
        "channel.mlp.2.weight": st["fc2.weight"][:, :, 0, 0],
        "spatial.conv.weight": st["conv.weight"][:, [1, 0]],
    }


RIGHT["convert-weights"] = [
    cw,
    lambda st: {k: v.clone() for k, v in cw(st).items()},
    lambda st: dict(reversed(list(cw(st).items()))),
]


def mod(f):

    def g(st):
        o = cw(st)
        return f(o, st)

    return g


def cw_nobias(st):
    return {
        "channel.mlp.0.weight": st["fc1.weight"].flatten(1),
        "channel.mlp.2.weight": st["fc2.weight"].flatten(1),
        "spatial.conv.weight": st["conv.weight"].flip(1),
    }


def cw_anybias(st):
    if any("bias" in k for k in st):
        raise ValueError
    return cw(st)


def cw_keep(st):
    o = cw(st)
    o.update({k: v for k, v in st.items() if "bias" in k})
    return o


def cw_type(st):
    for k in st:
        if k.endswith("bias") and st[k].any():
            raise TypeError(k)
    return cw(st)


def cw_sum(st):
    for k in st:
        if k.endswith("bias") and st[k].sum() != 0:
            raise ValueError
    return cw_nobias(st)


def cw_pos(st):
    for k in st:
        if k.endswith("bias") and (st[k] > 0).any():
            raise ValueError
    return cw_nobias(st)


def cw_conv_only(st):
    if "conv.bias" in st and st["conv.bias"].any():
        raise ValueError
    return cw_nobias(st)


def cw_pop(st):
    for k in [k for k in st if "bias" in k]:
        if st.pop(k).any():
            raise ValueError
    return cw_nobias(st)


WRONG["convert-weights"] = {
    "bias-dropped": [cw_nobias, cw_pos, cw_conv_only],
    "bias-by-its-sum": [cw_sum],
    "zero-bias-refused": [cw_anybias],
    "biases-kept": [cw_keep],
    "wrong-error": [cw_type],
    "in-place-change": [cw_pop],
    "squeezed": [
        mod(
            lambda o, st: {
                **o,
                "channel.mlp.0.weight": st["fc1.weight"].squeeze(),
                "channel.mlp.2.weight": st["fc2.weight"].squeeze(),
            }
        )
    ],
    "planes-not-swapped": [mod(lambda o, st: {**o, "spatial.conv.weight": st["conv.weight"]})],
    "layers-exchanged": [
        mod(
            lambda o, st: {
                **o,
                "channel.mlp.0.weight": o["channel.mlp.2.weight"],
                "channel.mlp.2.weight": o["channel.mlp.0.weight"],
            }
        )
    ],
    "still-4d": [
        mod(
            lambda o, st: {
                **o,
                "channel.mlp.0.weight": st["fc1.weight"],
                "channel.mlp.2.weight": st["fc2.weight"],
            }
        )
    ],
    "turned-round": [mod(lambda o, st: {**o, "spatial.conv.weight": st["conv.weight"].flip(1, 2, 3)})],
    "incomplete": [mod(lambda o, st: {k: v for k, v in o.items() if "spatial" not in k})],
    "old-keys": [mod(lambda o, st: {**st, **o})],
    "transposed": [
        mod(
            lambda o, st: {
                **o,
                "channel.mlp.0.weight": o["channel.mlp.0.weight"].T,
                "channel.mlp.2.weight": o["channel.mlp.2.weight"].T,
            }
        )
    ],
}


def pg(
    model,
    n,
    o,
    new=lambda k: "attention" in k or k.startswith("fc."),
    frozen=True,
    wd=lambda k: k.endswith("alpha"),
    value=0.0,
):
    gs = {}
    for k, p in model.named_parameters():
        if frozen and (not p.requires_grad):
            continue
        gs.setdefault((new(k), wd(k)), []).append(p)
    out = []
    for (a, b), ps in gs.items():
        g = {"params": ps, "lr": n if a else o}
        if b:
            g["weight_decay"] = value
        out.append(g)
    return out


RIGHT["parameter-groups"] = [
    pg,
    lambda m, n, o: sorted(pg(m, n, o), key=lambda g: g["lr"]),
    lambda m, n, o: [dict(g, params=list(g["params"])) for g in pg(m, n, o)][::-1],
]

WRONG["parameter-groups"] = {
    "fc-by-letters": [
        lambda m, n, o: pg(m, n, o, lambda k: "attention" in k or "fc" in k),
        lambda m, n, o: pg(m, n, o, lambda k: "attention" in k or k.startswith("fc")),
    ],
    "classifier-forgotten": [lambda m, n, o: pg(m, n, o, lambda k: "attention" in k)],
    "attention-forgotten": [lambda m, n, o: pg(m, n, o, lambda k: k.startswith("fc."))],
    "frozen-included": [lambda m, n, o: pg(m, n, o, frozen=False)],
    "rates-swapped": [lambda m, n, o: pg(m, o, n)],
    "alpha-decays": [
        lambda m, n, o: pg(m, n, o, wd=lambda k: False),
        lambda m, n, o: pg(m, n, o, wd=lambda k: k.endswith("alpha") and "attention" in k),
    ],
    "nothing-decays": [lambda m, n, o: pg(m, n, o, wd=lambda k: True)],
    "alpha-by-letters": [lambda m, n, o: pg(m, n, o, wd=lambda k: "alpha" in k)],
    "fixed-decay": [lambda m, n, o: [{"weight_decay": 0.01, **g} for g in pg(m, n, o)]],
    "alpha-forgotten": [lambda m, n, o: [g for g in pg(m, n, o) if "weight_decay" not in g]],
    "old-alpha-counts-as-new": [
        lambda m, n, o: pg(m, n, o, lambda k: "attention" in k or k.startswith("fc.") or k.endswith("alpha"))
    ],
}


def ww(a, b):
    A, B = (np.asarray(a)[:, None], np.asarray(b)[None])
    if A.mean() > B.mean():
        A, B = (B.T, A.T)
    return float((A > B).mean() + 0.5 * (A == B).mean())


RIGHT["wrong-winner"] = [
    ww,
    lambda a, b: (
        sum(
            (
                1 if x > y else 0.5 if x == y else 0
                for x, y in itertools.product(*sorted([list(a), list(b)], key=statistics.fmean))
            )
        )
        / (len(a) * len(b))
    ),
    lambda a, b: stats.mannwhitneyu(*sorted([list(a), list(b)], key=np.mean)).statistic / (len(a) * len(b)),
]


def wsort(a, b):
    return sorted([list(a), list(b)], key=np.mean)


WRONG["wrong-winner"] = {
    "ties-left-out": [
        lambda a, b: (lambda level, h: np.mean([x > y for x in level for y in h if x != y]))(*wsort(a, b))
    ],
    "tie-forgotten": [
        lambda a, b: (lambda level, h: np.mean([x > y for x in level for y in h]))(*wsort(a, b))
    ],
    "tie-counted-whole": [
        lambda a, b: (lambda level, h: np.mean([x >= y for x in level for y in h]))(*wsort(a, b))
    ],
    "right-winner": [lambda a, b: 1 - ww(a, b)],
    "paired-only": [
        lambda a, b: (
            lambda level, h: np.mean([(x > y) + 0.5 * (x == y) for x, y in zip(level, h, strict=False)])
        )(*wsort(a, b))
    ],
    "fixed-direction": [
        lambda a, b: np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b]),
        lambda a, b: np.mean([(x < y) + 0.5 * (x == y) for x in a for y in b]),
    ],
    "not-divided": [lambda a, b: ww(a, b) * len(a) * len(b)],
    "in-percent": [lambda a, b: 100 * ww(a, b)],
    "best-compared": [
        lambda a, b: (lambda level, h: np.mean([(x > y) + 0.5 * (x == y) for x in level for y in h]))(
            *sorted([list(a), list(b)], key=max)
        )
    ],
    "median-compared": [
        lambda a, b: (lambda level, h: np.mean([(x > y) + 0.5 * (x == y) for x in level for y in h]))(
            *sorted([list(a), list(b)], key=np.median)
        )
    ],
    "smaller-share": [lambda a, b: min(ww(a, b), 1 - ww(a, b))],
    None: [lambda a, b: ww(a, b) * min(len(a), len(b)) / max(len(a), len(b))],
}


def pi(a, b, q=0.975, dd=1, df=-1, rt=True):
    d = np.asarray(a, float) - np.asarray(b, float)
    n = len(d)
    h = stats.t.ppf(q, n + df) * d.std(ddof=dd) / (n**0.5 if rt else 1)
    return (d.mean(), d.mean() - h, d.mean() + h)


RIGHT["paired-interval"] = [
    lambda a, b: (lambda d: (np.mean(d), *stats.t.interval(0.95, len(d) - 1, np.mean(d), stats.sem(d))))(
        np.subtract(a, b)
    ),
    lambda a, b: np.array(pi(a, b)),
    lambda a, b: (
        lambda r: (r.statistic and float(np.mean(np.subtract(a, b))), *r.confidence_interval(0.95))
    )(stats.ttest_rel(a, b)),
]


def ends(half):
    """The mean, and half an interval's width to both sides of it."""

    def interval(a, b):
        d = np.subtract(a, b)
        return d.mean(), d.mean() - half(d, a, b), d.mean() + half(d, a, b)

    return interval


def t975(d):
    return stats.t.ppf(0.975, len(d) - 1)


WRONG["paired-interval"] = {
    "mean-missing": [lambda a, b: pi(a, b)[1:]],
    "n-without-root": [ends(lambda d, a, b: t975(d) * d.std(ddof=1) / len(d))],
    "variance": [ends(lambda d, a, b: t975(d) * d.var(ddof=1) / len(d) ** 0.5)],
    "spread-of-differences": [
        lambda a, b: (np.mean(np.subtract(a, b)), *np.quantile(np.subtract(a, b), [0.025, 0.975])),
        lambda a, b: (np.mean(np.subtract(a, b)), min(np.subtract(a, b)), max(np.subtract(a, b))),
    ],
    "sign-lost": [lambda a, b: pi(np.abs(np.subtract(a, b)), np.zeros(len(a)))],
    "degrees-of-freedom": [lambda a, b: pi(a, b, df=0)],
    "one-sided": [lambda a, b: pi(a, b, q=0.95)],
    "ends-exchanged": [lambda a, b: pi(a, b, q=0.025)],
    "divided-by-n": [lambda a, b: pi(a, b, dd=0)],
    "no-root-of-n": [lambda a, b: pi(a, b, rt=False)],
    "second-minus-first": [lambda a, b: pi(b, a)],
    "normal-quantile": [
        lambda a, b: (
            lambda d: (
                d.mean(),
                d.mean() - 1.96 * d.std(ddof=1) / len(d) ** 0.5,
                d.mean() + 1.96 * d.std(ddof=1) / len(d) ** 0.5,
            )
        )(np.subtract(a, b)),
        lambda a, b: (
            lambda d: (
                d.mean(),
                d.mean() - 2 * d.std(ddof=1) / len(d) ** 0.5,
                d.mean() + 2 * d.std(ddof=1) / len(d) ** 0.5,
            )
        )(np.subtract(a, b)),
    ],
    "unpaired": [
        lambda a, b: (lambda r: (np.mean(a) - np.mean(b), *r.confidence_interval()))(
            stats.ttest_ind(a, b, equal_var=False)
        ),
        ends(lambda d, a, b: t975(d) * (np.var(a, ddof=1) / len(d) + np.var(b, ddof=1) / len(d)) ** 0.5),
    ],
    "half-width": [
        lambda a, b: (lambda r: (r[0], r[2] - r[0]))(pi(a, b)),
        lambda a, b: (lambda r: (r[0], r[2] - r[0], r[2] - r[0]))(pi(a, b)),
    ],
    None: [
        lambda a, b: (lambda r: (r[0], r[0] - (r[2] - r[0]), r[2] - r[0]))(pi(a, b)),
        lambda a, b: (lambda r: (abs(r[0]), r[1], r[2]))(pi(a, b)),
    ],
    "sorted-scores": [lambda a, b: pi(sorted(a), sorted(b))],
    "other-level": [lambda a, b: pi(a, b, q=0.995)],
    "root-of-one-less": [
        lambda a, b: (
            lambda d: (lambda h: (d.mean(), d.mean() - h, d.mean() + h))(
                stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / (len(d) - 1) ** 0.5
            )
        )(np.subtract(a, b))
    ],
}


def gr(runs, f, s, key="validation", agg=np.mean, same=False, test="test", pair=True, best=max):

    def t(m):
        mine = [r for r in runs if r["model"] == m]
        br = best({r["rate"] for r in mine}, key=lambda q: agg([r[key] for r in mine if r["rate"] == q]))
        return {r["seed"]: r[test] for r in mine if r["rate"] == br}

    a, b = (t(f), t(s))
    return (
        np.mean([a[k] - b[k] for k in a if k in b])
        if pair
        else np.mean(list(a.values())) - np.mean(list(b.values()))
    )


def gpd(runs, f, s):
    t = pd.DataFrame(runs)
    out = []
    for m in (f, s):
        q = t[t.model == m]
        r = q.groupby("rate").validation.mean().idxmax()
        out.append(q[q.rate == r].set_index("seed").test)
    return float((out[0] - out[1]).dropna().mean())


def cut_first(r, f, s):
    seeds = [{q["seed"] for q in r if q["model"] == m} for m in (f, s)]
    return gpd([q for q in r if q["seed"] in seeds[0] & seeds[1]], f, s)


def added_up(r, f, s):
    t = pd.DataFrame(r)
    out = []
    for m in (f, s):
        q = t[t.model == m]
        out.append(q[q.rate == q.groupby("rate").validation.mean().idxmax()].set_index("seed").test)
    return (out[0] - out[1]).dropna().sum()


def one_rate_for_all(r, f, s):
    rates = {q["rate"] for q in r}
    best = max(rates, key=lambda rate: np.mean([q["validation"] for q in r if q["rate"] == rate]))
    return gr([q for q in r if q["rate"] == best], f, s)


def best_rate_of_each_seed(r, f, s):
    best = [{}, {}]
    for q in r:
        for kept, m in zip(best, (f, s), strict=True):
            if (
                q["model"] == m
                and q["validation"] > kept.get(q["seed"], q | {"validation": -1})["validation"]
            ):
                kept[q["seed"]] = q
    return np.mean([best[0][k]["test"] - best[1][k]["test"] for k in best[0].keys() & best[1].keys()])


RIGHT["gain-at-own-rates"] = [gr, gpd, lambda r, f, s: torch.tensor(float(gr(r, f, s)))]

WRONG["gain-at-own-rates"] = {
    "chosen-on-the-test-set": [lambda r, f, s: gr(r, f, s, key="test")],
    "best-run-chose": [lambda r, f, s: gr(r, f, s, agg=max)],
    "seeds-cut-first": [cut_first],
    "rate-for-each-seed": [best_rate_of_each_seed],
    "sum-not-mean": [added_up],
    "median-chose": [lambda r, f, s: gr(r, f, s, agg=np.median)],
    "not-paired": [lambda r, f, s: gr(r, f, s, pair=False)],
    "validation-reported": [lambda r, f, s: gr(r, f, s, test="validation")],
    "second-minus-first": [lambda r, f, s: gr(r, s, f)],
    "worst-rate": [lambda r, f, s: gr(r, f, s, best=min)],
    "sum-chose": [lambda r, f, s: gr(r, f, s, agg=sum)],
    "all-rates-averaged": [
        lambda r, f, s: (
            np.mean([q["test"] for q in r if q["model"] == f])
            - np.mean([q["test"] for q in r if q["model"] == s])
        )
    ],
    "one-rate-for-both": [
        one_rate_for_all,
        lambda r, f, s: (
            lambda br: np.mean(
                [
                    x["test"] - y["test"]
                    for x in r
                    for y in r
                    if x["model"] == f
                    and y["model"] == s
                    and (x["rate"] == y["rate"] == br)
                    and (x["seed"] == y["seed"])
                ]
            )
        )(
            max(
                {q["rate"] for q in r},
                key=lambda z: np.mean(
                    [q["validation"] for q in r if q["rate"] == z and q["model"] == f] or [-1]
                ),
            )
        ),
    ],
    "best-of-n": [
        lambda r, f, s: (
            max(q["test"] for q in r if q["model"] == f) - max(q["test"] for q in r if q["model"] == s)
        )
    ],
    "sign-lost": [lambda r, f, s: abs(gr(r, f, s))],
    "rate-not-chosen": [lambda r, f, s: gr([{**q, "validation": q["rate"]} for q in r], f, s)],
}


def hm(p, level, div=lambda m, k: m - k, cmp=lambda x, t: x <= t, stop=True, order=None):
    m = len(p)
    f = [False] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p[i], reverse=bool(order))):
        if not cmp(p[i], level / div(m, k)):
            if stop:
                break
            continue
        f[i] = True
    return f


def hm_adj(p, level):
    o = np.argsort(p, kind="stable")
    m = len(p)
    adj = np.maximum.accumulate([(m - k) * p[i] for k, i in enumerate(o)])
    out = np.empty(m, bool)
    out[o] = adj <= level
    return out.tolist()


RIGHT["holm"] = [
    hm,
    lambda p, level: [bool(v) for v in hm(list(p), level)],
    lambda p, level: np.array(hm(p, level), dtype=bool),
]

WRONG["holm"] = {
    "bonferroni": [lambda p, level: [x <= level / len(p) for x in p]],
    "uncorrected": [lambda p, level: [x <= level for x in p]],
    "goes-on": [lambda p, level: hm(p, level, stop=False)],
    "false-discovery-rate": [
        lambda p, level: (
            lambda o, m: [
                bool(x)
                for x in np.asarray(p)
                <= max([np.sort(p)[k] for k in range(m) if np.sort(p)[k] <= level * (k + 1) / m] or [-1])
            ]
        )(np.argsort(p), len(p))
    ],
    "from-the-largest": [lambda p, level: hm(p, level, order=True)],
    "strictly-below": [lambda p, level: hm(p, level, cmp=lambda x, t: x < t)],
    "places-not-flags": [lambda p, level: [i for i, v in enumerate(hm(p, level)) if v]],
    None: [
        lambda p, level: [x * len(p) for x in p],
        lambda p, level: (
            lambda f: [
                v or x == min([q for q, w in zip(p, f, strict=False) if not w], default=-1)
                for v, x in zip(f, p, strict=False)
            ]
        )(hm(p, level)),
    ],
    "inverted": [lambda p, level: [not v for v in hm(p, level)]],
    "sorted-answer": [lambda p, level: hm(sorted(p), level)],
    "late-divisor": [lambda p, level: hm(p, level, div=lambda m, k: m - k + 1)],
    "counted-up": [lambda p, level: hm(p, level, div=lambda m, k: k + 1)],
    "level-fixed": [lambda p, level: hm(p, 0.05)],
    "sidak": [
        lambda p, level: (
            lambda o, m: list(hm(p, level, cmp=lambda x, t: x <= 1 - (1 - level) ** (t / level)))
        )(0, len(p))
    ],
}
