"""Answers to the task read-the-table."""

RIGHT = ["ACD", "a, c, d", ["D", "C", "A"], {"A", "C", "D"}]

WRONG = {
    "claims-a-winner": ["ABCD", "B"],
    "claims-a-spread": ["ACDE"],
    "claims-any-recipe": ["A C D F"],
    "claims-a-trend": [["A", "C", "D", "G"], "CG"],
    "missed-difference": ["CD"],
    "missed-order": ["AD"],
    "missed-depth": [("A", "C")],
}
