"""Answers to the task sound-comparisons."""

WORDS = ["sound", "seeds", "test-set", "best-of-n", "training", "size", "sound", "many"]
VERDICTS = dict(zip("ABCDEFGH", WORDS, strict=True))

RIGHT = [
    VERDICTS,
    {letter.lower(): word.upper() for letter, word in VERDICTS.items()},
    {letter: word.replace("-", " ") for letter, word in VERDICTS.items()},
    dict(sorted(VERDICTS.items(), reverse=True)),
]

WRONG = {
    "sound-refused": [VERDICTS | {"A": "size"}, VERDICTS | {"A": "many"}],
    "different-seeds": [VERDICTS | {"B": "sound"}, VERDICTS | {"B": "many"}],
    "chosen-on-the-test-set": [VERDICTS | {"C": "sound"}, VERDICTS | {"C": "best-of-n"}],
    "best-against-mean": [VERDICTS | {"D": "sound"}, VERDICTS | {"D": "many", "E": "size"}],
    "unequal-training": [VERDICTS | {"E": "sound"}, VERDICTS | {"E": "size"}],
    "more-parameters": [VERDICTS | {"F": "sound"}, VERDICTS | {"F": "training"}],
    "null-refused": [VERDICTS | {"G": "seeds"}],
    "one-of-twenty": [VERDICTS | {"H": "sound"}, VERDICTS | {"H": "best-of-n"}],
}
