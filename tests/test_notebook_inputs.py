"""Which notebooks run again after a change: those that depend on what changed, and no others."""

import pytest
from notebook_inputs import fingerprint, input_files

PACKAGE = {
    "__init__.py": '_HOME = {"CBAM": "attention", "check": "checks"}\n',
    "arguments.py": "LEAST = 1\n",
    "attention/__init__.py": "from .cbam import CBAM\n",
    "attention/cbam.py": '"""CBAM."""\nfrom ..arguments import LEAST\n\nCBAM = LEAST  # one\n',
    "data/scenes.py": "SIDE = 48\n",
    "networks/pretrained.py": 'WEIGHTS = "small.safetensors"\n',
    "networks/weights/small.safetensors": "weights",
    "statistics.py": "def load_results(name): ...\n",
    "checks/__init__.py": "from .runner import check\n",
    "checks/runner.py": "def check(): ...\n",
    "checks/common.toml": 'passed = "passed"\n',
    "lessons/lesson_03.py": "from ..statistics import load_results\nload_results('where')\n",
    "lessons/lesson_03.toml": 'title = "three"\n',
    "lessons/lesson_04.py": "from ..data.scenes import SIDE\n",
    "lessons/lesson_04.toml": 'title = "four"\n',
}
RESULTS = {"what.csv": "1\n", "where.csv": "2\n", "notebooks.csv": "seconds\n", "checkpoint.json": "{}\n"}
TABLES = "from cbam_course.statistics import load_results\n"


@pytest.fixture
def root(tmp_path):
    """A small course."""
    for folder, files in (("cbam_course", PACKAGE), ("results", RESULTS)):
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return tmp_path


def names(root, *code, lesson="03"):
    return {
        p.relative_to(root).as_posix().removeprefix("cbam_course/") for p in input_files(code, lesson, root)
    }


def test_imports_are_followed_from_module_to_module_also_through_the_public_names(root):
    expected = {"attention/__init__.py", "attention/cbam.py", "arguments.py"}
    assert names(root, "from cbam_course.attention.cbam import CBAM") == expected
    assert names(root, "from cbam_course import CBAM") == expected
    assert names(root, "%time\ndef f():\n    import cbam_course.data.scenes") == {"data/scenes.py"}
    assert names(root, "import torch") == set()


def test_a_check_brings_what_all_lessons_share_and_its_own_lesson_and_no_other(root):
    shared = {"checks/__init__.py", "checks/runner.py", "checks/common.toml"}
    own = {"lessons/lesson_03.py", "lessons/lesson_03.toml", "statistics.py", "results/where.csv"}
    assert names(root, "from cbam_course import check") == shared | own
    other = {"lessons/lesson_04.py", "lessons/lesson_04.toml", "data/scenes.py"}
    assert names(root, "from cbam_course import check", lesson="04") == shared | other


@pytest.mark.parametrize(
    ("code", "tables"),
    [
        ("load_results('what')", {"what.csv"}),
        ("for name in ('what', 'where'):\n    load_results(name)", {"what.csv", "where.csv"}),
        ("load_results(name)", {"what.csv", "where.csv", "checkpoint.json"}),
        ("make_scenes(task='where')\nload_results('what')", {"what.csv"}),
        ("runs_by_label(table, labels)", set()),
        ("open('results/' + 'checkpoint.json')", {"checkpoint.json"}),
        ("'where'", set()),
    ],
)
def test_the_tables_that_a_cell_reads_are_found(root, code, tables):
    found = names(root, TABLES, code)
    assert {name.removeprefix("results/") for name in found if name.startswith("results/")} == tables


def test_weights_that_a_module_names_travel_with_it(root):
    assert "networks/weights/small.safetensors" in names(root, "import cbam_course.networks.pretrained")


CODE = [TABLES + "from cbam_course import CBAM, check", "load_results('what')"]


@pytest.mark.parametrize(
    "path",
    [
        "cbam_course/arguments.py",
        "cbam_course/attention/cbam.py",
        "cbam_course/checks/common.toml",
        "cbam_course/lessons/lesson_03.py",
        "cbam_course/lessons/lesson_03.toml",
        "results/what.csv",
        "results/where.csv",
    ],
)
def test_a_change_that_counts_is_noticed(root, path):
    before = fingerprint(CODE, "03", root)
    (root / path).write_text((root / path).read_text() + "new = 1\n")
    assert fingerprint(CODE, "03", root) != before


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("cbam_course/data/scenes.py", "48", "64"),
        ("cbam_course/lessons/lesson_04.py", "SIDE", "scenes"),
        ("cbam_course/lessons/lesson_04.toml", "four", "4"),
        ("cbam_course/attention/cbam.py", "# one", "# a comment"),
        ("cbam_course/attention/cbam.py", "CBAM.", "A docstring."),
        ("cbam_course/attention/cbam.py", "\n", "\r\n"),
        ("results/notebooks.csv", "seconds", "minutes"),
        ("results/checkpoint.json", "{", "{ "),
    ],
)
def test_what_a_notebook_does_not_depend_on_leaves_it_alone(root, path, old, new):
    before = fingerprint(CODE, "03", root)
    text = (root / path).read_text()
    assert old in text
    (root / path).write_bytes(text.replace(old, new).encode())
    assert fingerprint(CODE, "03", root) == before


def test_its_own_code_counts_with_its_order(root):
    assert fingerprint(CODE, "03", root) != fingerprint(CODE[::-1], "03", root)
    assert fingerprint(CODE, "03", root) != fingerprint([*CODE, "x = 1"], "03", root)
