"""The examples in the docstrings of what learners import run, and print what they say."""

import doctest
from importlib import import_module

import cbam_course

WITH_EXAMPLES = {
    "attention.cbam": ["CBAM", "ChannelAttention", "SpatialAttention"],
    "attention.squeeze_excitation": ["SqueezeExcitation"],
    "inspection.capture": ["capture"],
    "inspection.cost": ["count_cost"],
    "inspection.pointing": ["pointing_rate"],
    "networks.attached": ["remove_attention"],
    "networks.insertion": ["insert_attention"],
    "training.fit": ["fit"],
    "training.metrics": ["mean_iou"],
    "training.parameter_groups": ["parameter_groups", "train_only"],
    "statistics": ["paired_difference"],
}


def examples(module):
    """Return the docstrings of a module that hold examples, by name."""
    loaded = import_module(f"cbam_course.{module}")
    found = doctest.DocTestFinder(exclude_empty=True).find(loaded, loaded.__name__)
    return {test.name.removeprefix(f"{loaded.__name__}."): test for test in found if test.examples}


def test_every_example_prints_what_it_says():
    runner = doctest.DocTestRunner(verbose=False)
    for module, names in WITH_EXAMPLES.items():
        tests = examples(module)
        assert set(names) <= set(tests), module
        for test in tests.values():
            test.globs = {}  # what an example needs it imports, as a reader has to
            assert runner.run(test).failed == 0, test.name


def test_the_public_names_of_these_rooms_have_examples():
    rooms = {"attention", "networks", "inspection", "training"}
    public = {name: home for name, home in cbam_course._HOME.items() if home.split(".")[0] in rooms}
    assert set(public) <= {name for names in WITH_EXAMPLES.values() for name in names}
