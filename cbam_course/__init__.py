"""Squeeze-and-Excitation and CBAM, taught step by step.

The public names are loaded on first use, so that importing one part of the package loads no other.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "SqueezeExcitation": "attention",
    "ChannelAttention": "attention",
    "SpatialAttention": "attention",
    "CBAM": "attention",
    "insert_attention": "networks.insertion",
    "remove_attention": "networks.attached",
    "capture": "inspection.capture",
    "count_cost": "inspection.cost",
    "make_scenes": "data.scenes",
    "fit": "training.fit",
    "check": "checks",
    "hint": "checks",
    "predict": "checks",
    "progress": "checks",
    "reveal": "checks",
}

__all__ = [
    "CBAM",
    "ChannelAttention",
    "SpatialAttention",
    "SqueezeExcitation",
    "capture",
    "check",
    "count_cost",
    "fit",
    "hint",
    "insert_attention",
    "make_scenes",
    "predict",
    "progress",
    "remove_attention",
    "reveal",
]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return sorted({*globals(), *__all__})
