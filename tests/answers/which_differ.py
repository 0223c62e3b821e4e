"""Answers to the task which-differ."""

RIGHT = ["BEG", "b, e, g", ["B", "E", "G"], {"G", "E", "B"}, ("e", "b", "g"), "G E B"]

WRONG = {
    "missed-order": ["EG", "ACE"],
    "missed-batchnorm": ["BG"],
    "missed-source": [["B", "E"], "B E F"],
    "layer-kind": ["ABEG", "ABCDEFGH"],
    "both-exchanged": ["BCEG"],
    "pooling-call": ["BDEG"],
    "zero-bias": ["B, E, F, G"],
    "same-width": [["B", "E", "G", "H"]],
}
