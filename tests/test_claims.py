"""Every sentence that compares models stands in its text, is borne out by a table, and could be false."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import claim_rules
import pytest
from ledgers import finished

from cbam_course.experiments.evidence import evidence

ROOT = Path(__file__).parents[1]
READMES = (ROOT, ROOT / "results", ROOT / "benchmarks")


def text_of(name):
    """The source of a lesson with its exercise, or README.md and those of results/ and benchmarks/."""
    if name == "readme":
        return "\n".join((folder / "README.md").read_text(encoding="utf-8") for folder in READMES)
    number = name.removeprefix("lesson_")
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "authoring").glob(f"{number}_*.py"))
    )


def collected():
    for path in sorted((Path(__file__).parent / "claims").glob("*.py")):
        spec = spec_from_file_location(f"claims_{path.stem}", path)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        for number, claim in enumerate(module.CLAIMS, start=1):
            yield pytest.param(path.stem, claim, id=f"{path.stem}-{number}")


@pytest.mark.parametrize(("name", "claim"), list(collected()))
def test_a_claim_stands_in_its_text_is_true_and_could_be_false(name, claim):
    assert claim_rules.faults(claim, text_of(name), evidence) == [], claim[0]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A table in which plain has about .6 and cbam .8, always higher."""
    ledger = finished(tmp_path_factory.mktemp("claims"))
    return lambda name: evidence(name, folder=ledger.folder)


TEXT = "# Here\n# CBAM   gains\n# twenty points. # of them\n> Every seed says so."


@pytest.mark.parametrize(
    "expression",
    [
        lambda t: t("tiny").mean("cbam") > t("tiny").mean("plain") + 0.15,
        lambda t: t("tiny").gain("cbam", "plain").low > 0,
        lambda t: t("tiny").every_seed("cbam", "plain"),
        lambda t: t("tiny").outcome("cbam against plain").verdict == "as expected",
        lambda t: t("tiny").outcome("cbam against plain on scenes-where").corrected < 0.01,
        lambda t: t("tiny").ranking() == ["cbam", "cbam-k3", "plain"],
        lambda t: t("tiny").rate("plain") == 0.01,
        lambda t: t("tiny").gain("cbam-k3", "plain").n < 5 and t("tiny").mean("cbam-k3") > 0.6,
    ],
)
def test_an_honest_claim_has_no_fault(read, expression):
    assert claim_rules.faults(("CBAM gains twenty points.", expression), TEXT, read) == []


def test_a_claim_that_nothing_is_shown_can_fail_too(tmp_path):
    ledger = finished(tmp_path, cbam=0.6)
    claim = ("Every seed says so.", lambda t: t("tiny").outcome("cbam against plain").verdict == "not shown")
    assert claim_rules.faults(claim, TEXT, lambda name: evidence(name, folder=ledger.folder)) == []


@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        (("It gains", lambda t: t("tiny").every_seed("cbam", "plain")), "the sentence does not stand there"),
        (("CBAM gains", lambda t: t("tiny").every_seed("plain", "cbam")), "the tables say otherwise"),
        (("CBAM gains", lambda t: 0.8 > 0.6), "the expression reads no table"),
        (("CBAM gains", lambda t: t("tiny").mean("cbam") >= -9), "no change of the table tiny makes it false"),
        (("CBAM gains", lambda t: bool(t("tiny")) or True), "no change of the table tiny makes it false"),
    ],
)  # fmt: skip
def test_a_claim_without_cover_is_refused(read, claim, fault):
    assert claim_rules.faults(claim, TEXT, read) == [fault]


@pytest.mark.parametrize(
    ("expression", "faults"),
    [
        (lambda t: timed(t, "naive") > 1.5 * timed(t, "fused"), []),
        (lambda t: timed(t, "naive") < timed(t, "fused"), ["the tables say otherwise"]),
        (lambda t: timed(t, "fused") > 0, ["no change of the table benchmarks/attention makes it false"]),
    ],
)
def test_a_claim_about_time_reads_a_benchmark_and_could_be_false(expression, faults):
    assert claim_rules.faults(("It is faster.", expression), "# It is faster.", evidence) == faults


def timed(t, what):
    return t("benchmarks/attention").table.query("what == @what and mode == 'training'").milliseconds.sum()


def test_each_table_of_a_claim_has_to_matter(read, tmp_path):
    other = finished(tmp_path)

    def both(name):
        return read("tiny") if name == "one" else evidence("tiny", folder=other.folder)

    expression = lambda t: t("one").every_seed("cbam", "plain") and len(t("two").table) > 3  # noqa: E731
    assert claim_rules.faults(("CBAM gains", expression), TEXT, both) == [
        "no change of the table two makes it false"
    ]


def test_evidence_asks_which_and_names_what_there_is(read):
    tiny = read("tiny")
    with pytest.raises(ValueError, match="tiny has no finished runs of 'se'"):
        tiny.mean("se")
    with pytest.raises(ValueError, match="registered are: cbam against plain on scenes-where"):
        tiny.outcome("plain against cbam")
    with pytest.raises(ValueError, match="other seeds for 'cbam-k3'"):
        tiny.every_seed("cbam-k3", "plain")
    with pytest.raises(FileNotFoundError, match="There is no table 'nowhere'"):
        evidence("nowhere")


def test_a_table_that_is_only_told_of_has_numbers_and_no_outcomes():
    retold = evidence("retold/where")
    assert retold.gain("cbam", "plain").mean == pytest.approx(0.123, abs=0.001)
    assert retold.outcomes() == []
