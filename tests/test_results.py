"""The tables that lessons read: found, complete, and made by the present code."""

import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from cbam_course.training import provenance, results
from cbam_course.training.provenance import CODE, code_hash
from cbam_course.training.results import load_results
from cbam_course.training.sweep import COLUMNS

FOLDER = Path(__file__).parents[1] / "results"
TABLES = sorted(p.stem for p in FOLDER.glob("*.csv") if p.stem not in ("notebooks", "colab"))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_was_made_by_the_present_code(name):
    unchanged = FOLDER / "unchanged.toml"
    accepted = tomllib.loads(unchanged.read_text(encoding="utf-8")) if unchanged.exists() else {}
    stale = set(load_results(name).code) - {
        code_hash(),
        *accepted.get(code_hash(), {}).get("same_numbers_as", []),
    }
    now = code_hash()
    assert not stale, (
        f"results/{name}.csv is stale: made by {stale}, the code is {now}; see results/README.md"
    )


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_complete_rows_and_every_run_once(name):
    table = load_results(name)
    assert list(table.columns) == list(COLUMNS)
    assert table[["accuracy", "command", "commit", "versions", "seconds"]].notna().all(axis=None)
    assert table.accuracy.between(0, 1).all()
    assert not table.duplicated(["data", "model", "seed", "epochs", "images", "learning_rate"]).any()


def test_failed_runs_are_left_out(tmp_path):
    rows = [("plain", 0.5, ""), ("se", None, "ValueError: why")]
    pd.DataFrame(rows, columns=["model", "accuracy", "error"]).to_csv(tmp_path / "t.csv", index=False)
    assert load_results("t", folder=tmp_path).model.tolist() == ["plain"]


def test_a_missing_table_gets_the_names_that_there_are(tmp_path):
    (tmp_path / "where.csv").write_text("model\n")
    with pytest.raises(FileNotFoundError, match=r"no table of results 'whre' in .*; there are: where\."):
        load_results("whre", folder=tmp_path)


def test_the_tables_inside_an_installed_package_come_first(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_PACKAGE", tmp_path / "cbam_course")
    assert results.results_folder() == tmp_path / "results"
    (tmp_path / "cbam_course" / "results").mkdir(parents=True)
    assert results.results_folder() == tmp_path / "cbam_course" / "results"


@pytest.fixture
def package(tmp_path):
    for name in CODE:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(provenance._PACKAGE / name, tmp_path / name)
    return tmp_path


def test_the_hash_sees_statements_and_not_layout(package):
    before, path = code_hash(package), package / "data/shapes.py"
    text = path.read_text(encoding="utf-8")
    path.write_text("# a comment\n" + text.replace('"""Small', '"""Little').replace("    y, x", "\n    y, x"))
    assert code_hash(package) == before
    path.write_text(text.replace("TURNS = 32", "TURNS = 16"))
    assert code_hash(package) != before


def test_without_git_the_commit_is_empty(monkeypatch):
    def missing(*words):
        raise FileNotFoundError("git")

    monkeypatch.setattr(provenance, "_git", missing)
    assert provenance.commit() == ""


def test_runs_come_by_label_and_models_without_runs_are_left_out():
    rows = [("plain", 0.5), ("se", 0.6), ("plain", 0.7)]
    table = pd.DataFrame(rows, columns=["model", "accuracy"])
    runs = results.runs_by_label(table, {"se": "SE", "cbam": "CBAM", "plain": "no attention"})
    assert {label: values.tolist() for label, values in runs.items()} == {
        "SE": [0.6],
        "no attention": [0.5, 0.7],
    }
    assert len(results.runs_by_label("where", {"cbam": "CBAM"})["CBAM"]) == 5


def test_a_hash_that_looks_like_a_number_stays_a_word(tmp_path):
    (tmp_path / "t.csv").write_text("model,accuracy,code,commit\nplain,0.5,377304447631,12e34567\n")
    table = load_results("t", folder=tmp_path)
    assert (table.code[0], table.commit[0]) == ("377304447631", "12e34567")
