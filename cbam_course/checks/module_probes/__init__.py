"""Experiments on a learner's module: what it does is probed, never how it is written."""
