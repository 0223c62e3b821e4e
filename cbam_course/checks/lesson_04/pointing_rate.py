"""How an answer to the task pointing-rate is examined; the words stand in pointing_rate.toml beside it."""

import torch

from ..values import as_number, close, show

_MANY = [True, True, False, True, False] * 8


def examine(rate, find):
    """Maps with a known brightest pixel, on the target or beside it."""
    maps, masks = _case(_MANY, 12, 17, side=5)  # so many that no two mistakes give the same share
    handed_in = rate(maps.clone(), masks.clone())
    got, share = as_number(handed_in), sum(_MANY) / len(_MANY)
    mistake = None if close(got, share) else _mistake(got, maps, masks)
    yield find("number", got is not None and 0 <= got <= 1, mistake, got=show(handed_in))
    if got is None:
        return
    yield _extremes(rate, find, mistake)
    counts = {"count": len(_MANY), "hits": sum(_MANY)}
    yield find("share", close(got, share), mistake, expected=share, got=show(got), **counts)
    yield _sizes(rate, find, mistake)


def _case(hits, height: int, width: int, side: int = 2):
    """Dim maps with one bright pixel each, on a square target or half a map away from it."""
    generator = torch.Generator().manual_seed(7)
    maps = torch.rand(len(hits), height, width, generator=generator) * 0.5
    masks = torch.zeros(len(hits), height, width, dtype=torch.bool)
    for n, hit in enumerate(hits):
        row, column = (
            int(torch.randint(length - side + 1, (1,), generator=generator)) for length in (height, width)
        )
        masks[n, row : row + side, column : column + side] = True
        away = 0 if hit else max(side, width // 2)
        maps[n, row, (column + away) % width] = 1.0 + 0.01 * n
    return maps, masks


def _sizes(rate, find, mistake):
    for hits, height, width in (([True, False], 9, 4), ([False], 3, 5), ([True, False, False, True], 2, 7)):
        maps, masks = _case(hits, height, width)
        share, got = sum(hits) / len(hits), as_number(rate(maps.clone(), masks.clone()))
        if not close(got, share):
            size = {"count": len(hits), "height": height, "width": width}
            return find("any-size", False, mistake, expected=share, got=show(got), **size)
    return find("any-size", True)


def _extremes(rate, find, mistake):
    for hit, expected in ((True, 1.0), (False, 0.0)):
        maps, masks = _case([hit] * 3, 5, 8)
        got = as_number(rate(maps.clone(), masks.clone()))
        if not close(got, expected):
            case = "1 for maps that all hit" if hit else "0 for maps that all miss"
            return find("all-and-none", False, mistake, expected=case, got=show(got))
    return find("all-and-none", True)


def _hit(maps, masks, places) -> float:
    return masks.flatten(1).gather(1, places[:, None]).float().mean().item()


def _mistake(got, maps, masks) -> str | None:
    """Compare with other things that could have been computed from these maps and masks."""
    flat, (height, width) = maps.flatten(1), maps.shape[1:]
    best = flat.argmax(1)
    row, column = best // width, best % width
    exchanged = (column.clamp(max=height - 1)) * width + row.clamp(max=width - 1)
    brightest = maps.max() == maps
    wrong = {
        "counted": _hit(maps, masks, best) * len(maps),
        "darkest": _hit(maps, masks, flat.argmin(1)),
        "one-for-all": masks[brightest].float().mean().item(),
        "average-inside": maps[masks].mean().item(),
        "share-of-brightness": (maps * masks).sum().item() / maps.sum().item(),
        "area": masks.float().mean().item(),
        "other-image": _hit(maps, masks.roll(1, 0), best),
        "rows-and-columns": _hit(maps, masks, exchanged),
    }
    per_image = {
        "average-inside": torch.stack([m[k].mean() for m, k in zip(maps, masks, strict=True)]).mean().item(),
        "share-of-brightness": ((maps * masks).sum((1, 2)) / maps.sum((1, 2))).mean().item(),
    }
    found = [slug for values in (wrong, per_image) for slug, value in values.items() if close(got, value)]
    return found[0] if found else None
