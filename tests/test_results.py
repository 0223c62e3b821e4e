"""The tables that lessons read: found, with the right kinds of columns, and without failed runs."""

import pandas as pd
import pytest
from ledgers import finished

from cbam_course import statistics


def test_failed_runs_are_left_out(tmp_path):
    rows = [("plain", 0.5, ""), ("se", None, "ValueError: why")]
    pd.DataFrame(rows, columns=["model", "accuracy", "error"]).to_csv(tmp_path / "t.csv", index=False)
    assert statistics.load_results("t", folder=tmp_path).model.tolist() == ["plain"]


def test_a_missing_table_gets_the_names_that_there_are(tmp_path):
    (tmp_path / "where.csv").write_text("model\n")
    with pytest.raises(FileNotFoundError, match=r"no table of results 'whre' in .*; there are: where\."):
        statistics.load_results("whre", folder=tmp_path)


def test_the_tables_inside_an_installed_package_come_first(tmp_path, monkeypatch):
    monkeypatch.setattr(statistics, "_PACKAGE", tmp_path / "cbam_course")
    assert statistics.results_folder() == tmp_path / "results"
    (tmp_path / "cbam_course" / "results").mkdir(parents=True)
    assert statistics.results_folder() == tmp_path / "cbam_course" / "results"


def test_runs_come_by_label_and_models_without_runs_are_left_out():
    rows = [("plain", 0.5), ("se", 0.6), ("plain", 0.7)]
    table = pd.DataFrame(rows, columns=["model", "accuracy"])
    runs = statistics.runs_by_label(table, {"se": "SE", "cbam": "CBAM", "plain": "no attention"})
    assert {label: values.tolist() for label, values in runs.items()} == {
        "SE": [0.6],
        "no attention": [0.5, 0.7],
    }


def test_a_hash_that_looks_like_a_number_stays_a_word(tmp_path):
    names = "model,accuracy,code,commit,registration"
    (tmp_path / "t.csv").write_text(f"{names}\nplain,0.5,377304447631,12e34567,120000000012\n")
    table = statistics.load_results("t", folder=tmp_path)
    assert table.loc[0, ["code", "commit", "registration"]].tolist() == [
        "377304447631",
        "12e34567",
        "120000000012",
    ]


def test_a_registered_table_has_numbers_of_images_and_a_score_on_validation(tmp_path):
    ledger = finished(tmp_path)
    table = statistics.load_results("tiny", folder=ledger.folder)
    assert (table.validation == 4).all()
    assert (table.validation_accuracy == 0.625).all()
    assert len(table) == 12


def test_the_table_that_is_only_told_of_can_be_read():
    assert len(statistics.load_results("retold/where").query("model == 'cbam'")) == 5
