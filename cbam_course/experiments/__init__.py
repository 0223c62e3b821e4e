"""Experiments: registered before they run, tuned alike, reported whichever way they went."""
