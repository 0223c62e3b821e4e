"""How an answer to the task squeeze-excitation is examined; the words stand in squeeze_excitation.toml beside it."""

from ..probes.channel_module import examine_channel_module


def examine(cls, find):
    """One gate for each channel, from the averages alone."""
    yield from examine_channel_module(cls, find, both_pools=False)
