"""How an answer to the task channel-attention is examined; the words stand in channel_attention.toml beside it."""

from ..probes.channel_module import examine_channel_module


def examine(cls, find):
    """One gate for each channel, from averages and maxima through one MLP."""
    yield from examine_channel_module(cls, find, both_pools=True)
