"""A manifest is checked row by row: every reason of every row, whatever format, order or intent."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import ARRAY, WGS, Fields, as_csv, as_json, document, fields, schema_files
from support.shared import PROJECT

from interpreters.genotypes import Assay, Sex
from ror_service.intake import manifest_check
from ror_service.intake.manifest import SCHEMAS, LaboratoryFacts, SexConcordance
from ror_service.intake.manifest_check import CheckedManifest, CheckedRow, ManifestError, Verdict, check_manifest

BOTH = pytest.mark.parametrize("write", [as_csv, as_json])


def codes(row: CheckedRow) -> set[tuple[str, str | None]]:
    return {(reason.code, reason.field) for reason in row.reasons}


def only(content: bytes) -> CheckedRow:
    (row,) = check_manifest(content).rows
    return row


def refusal(content: bytes) -> tuple[str, int | None]:
    with pytest.raises(ManifestError) as refused:
        check_manifest(content)
    return refused.value.problem, refused.value.line


def verdicts(manifest: CheckedManifest) -> list[Verdict]:
    return [row.verdict for row in manifest.rows]


# Good manifests


@pytest.mark.parametrize("schema", [WGS, ARRAY])
def test_csv_and_json_say_the_same(schema: str) -> None:
    rows = [fields(number, schema, collected_on="2026-09-01", build="GRCh38") for number in range(3)]
    as_table, as_object = check_manifest(as_csv(rows)), check_manifest(as_json(rows, schema))
    assert [row.declared for row in as_table.rows] == [row.declared for row in as_object.rows]
    assert verdicts(as_table) == verdicts(as_object) == [Verdict.ACCEPTED] * 3
    assert [(row.number, row.line) for row in as_table.rows] == [(1, 2), (2, 3), (3, 4)]
    assert [(row.number, row.line) for row in as_object.rows] == [(1, 3), (2, 4), (3, 5)]


def test_one_table_may_hold_both_assays() -> None:
    manifest = check_manifest(as_csv([fields(1), fields(2, ARRAY)]))
    assert [row.declared and row.declared.assay for row in manifest.rows] == [Assay.WGS, Assay.ARRAY]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + as_csv([fields()]),
        as_csv([fields()], end="\r\n"),
        as_csv([fields()]) + b",,,\n\n",
        b"\xef\xbb\xbf" + as_json([fields()]),
        as_json([fields()]).replace(b"\n", b"\r\n"),
        as_csv([fields(specimen='" saliva "')]).replace(b'"""', b'"'),
        json.dumps(
            {"rows": [{k: v for k, v in fields(contamination=0).items() if k != "schema"}], "schema": WGS}
        ).encode(),
    ],
)
def test_harmless_differences_of_writing(content: bytes) -> None:
    assert only(content).verdict is Verdict.ACCEPTED


def test_what_the_laboratory_says_beyond_the_sample_is_kept_apart_and_not_printed() -> None:
    alignment = {"alignment_file": "a.cram", "alignment_sha256": "a" * 64, "alignment_size": 1 << 40}
    row = only(as_csv([fields(inferred_sex="male", sex_chromosomes="XXY", sex_concordance="discordant", **alignment)]))
    assert row.declared is not None
    facts = row.declared.laboratory_facts()
    assert (facts.inferred_sex, facts.sex_concordance) == (Sex.MALE, SexConcordance.DISCORDANT)
    assert facts.other_files == {"alignment": ("a.cram", "a" * 64, 1 << 40)}
    assert LaboratoryFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert "XXY" not in repr(facts)


# Rows that are wrong


@BOTH
def test_a_row_gets_all_its_reasons(write: object) -> None:
    wrong = fields(
        specimen="spit", contamination=1.5, genotypes_sha256="ABC", genotypes_size=0, mean_coverage=None,
        well="Q99", call_rate=0.9, alignment_file="a.cram", collected_on="yesterday", sample_id="../../etc",
    )  # fmt: skip
    row = only(write([wrong]))  # type: ignore[operator]
    assert codes(row) == {
        ("not_a_choice", "specimen"), ("out_of_range", "contamination"), ("malformed", "genotypes_sha256"),
        ("out_of_range", "genotypes_size"), ("missing", "mean_coverage"), ("malformed", "well"),
        ("unknown_field", "call_rate"), ("missing", "alignment_sha256"), ("missing", "alignment_size"),
        ("wrong_type", "collected_on"), ("malformed", "sample_id"),
    }  # fmt: skip
    assert (row.verdict, row.sample_id, row.declared) == (Verdict.REFUSED, None, None)


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "=HYPERLINK(1)", " =1+1"])
@pytest.mark.parametrize("field", ["sample_id", "plate", "pipeline_id", "genotypes_file", "mean_coverage"])
def test_formulas_are_refused_and_never_repeated(write: object, text: str, field: str) -> None:
    row = only(write([fields(**{field: text})]))  # type: ignore[operator]
    expected = "wrong_type" if write is as_json and field == "mean_coverage" else "formula"
    assert codes(row) == {(expected, field)}
    assert text not in str(row.reasons)
    assert row.sample_id == (None if field == "sample_id" else "S-1")


@BOTH
@pytest.mark.parametrize(
    ("field", "value"),
    [("contamination", -0.5), ("callable_fraction", 1.01), ("mean_coverage", -1), ("genotypes_size", 1 << 60)],
)
def test_a_number_out_of_its_range_is_no_formula(write: object, field: str, value: float) -> None:
    assert codes(only(write([fields(**{field: value})]))) == {("out_of_range", field)}  # type: ignore[operator]


@BOTH
def test_numbers_that_are_none(write: object) -> None:
    for text in ("nan", "Infinity", "0x1", "1,5", "", "9" * 5000):
        row = only(write([fields(mean_coverage=text, callable_fraction="high")]))  # type: ignore[operator]
        assert {field for _, field in codes(row)} == {"mean_coverage", "callable_fraction"}, text


def test_a_number_of_thousands_of_digits_costs_its_row() -> None:
    content = as_json([fields(1), fields(2, genotypes_size=7), fields(3)])
    manifest = check_manifest(content.replace(b'"genotypes_size": 7', b'"genotypes_size": 7' + b"0" * 9000))
    assert verdicts(manifest) == [Verdict.ACCEPTED, Verdict.REFUSED, Verdict.ACCEPTED]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'a,"b', "bad_quotation"),
        (b'"a"b,c', "bad_quotation"),
        (b"a,b", "wrong_width"),
        (b"a," * 10_000, "too_long"),
        (b"a" * (1 << 20), "too_long"),
        (b"caf\xe9" + b"," * 14, "not_utf8"),
        (b"a\0b" + b"," * 14, "control_character"),
        (b"a\rb" + b"," * 14, "control_character"),
        (b"a" + b"," * 14, "unknown_schema"),
        (as_csv([fields(2)]).splitlines()[1].replace(b"wgs/1", b"wgs/9"), "unknown_schema"),
    ],
)
def test_a_line_that_cannot_be_read_costs_itself_alone(line: bytes, code: str) -> None:
    header, first, last = as_csv([fields(1), fields(3)]).splitlines()
    manifest = check_manifest(b"\n".join((header, first, line, last, b"")))
    assert verdicts(manifest) == [Verdict.ACCEPTED, Verdict.REFUSED, Verdict.ACCEPTED]
    assert [reason.code for reason in manifest.rows[1].reasons] == [code]
    assert manifest.rows[1].line == 3


def test_a_last_line_without_its_end_may_have_been_cut() -> None:
    """A size that lost its last digit is a size too."""
    cut = as_csv([fields(1), fields(2)])[:-1]
    assert [reason.code for reason in check_manifest(cut).rows[1].reasons] == ["cut_off"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"[]", "not_an_object"),
        (b'"S-1"', "not_an_object"),
        (b'{"sample_id": "S-1", "sample_id": "S-2"}', "repeated_field"),
        (b'{"sample_id": "' + b"S" * 20_000 + b'"}', "too_long"),
        (b'{"sample_id": "S\xff"}', "not_utf8"),
    ],
)
def test_a_json_row_that_cannot_be_read_costs_itself_alone(row: bytes, code: str) -> None:
    content = as_json([fields(1), fields(2), fields(3)]).splitlines()
    content[3] = row + b","
    manifest = check_manifest(b"\n".join(content))
    assert verdicts(manifest) == [Verdict.ACCEPTED, Verdict.REFUSED, Verdict.ACCEPTED]
    assert ([reason.code for reason in manifest.rows[1].reasons], manifest.rows[1].line) == ([code], 4)


def test_json_is_not_read_loosely() -> None:
    row = only(as_json([fields(genotypes_size="1000", contamination=True, specimen=None, plate=7, Surprise=1)]))
    assert codes(row) == {
        ("wrong_type", "genotypes_size"), ("wrong_type", "contamination"), ("missing", "specimen"),
        ("wrong_type", "plate"), ("unknown_field", None),
    }  # fmt: skip
    assert "urprise" not in str(row.reasons)


def test_a_mistake_in_row_4000_costs_that_row() -> None:
    rows = [fields(number) for number in range(5000)]
    rows[3999]["specimen"] = "hair"
    manifest = check_manifest(as_csv(rows))
    (refused,) = (row for row in manifest.rows if row.verdict is Verdict.REFUSED)
    assert (refused.number, refused.line, refused.sample_id) == (4000, 4001, "S-3999")
    assert len(list(manifest.accepted())) == 4999


# Files of which no row can be read


CSV = as_csv([fields()])
JSON = as_json([fields()])


@pytest.mark.parametrize(
    ("content", "problem", "line"),
    [
        (b"", "no_rows", None),
        (b"\n\n", "no_rows", None),
        (CSV.splitlines()[0] + b"\n", "no_rows", None),
        (CSV.decode().encode("utf-16"), "not_utf8", None),
        (CSV.decode().encode("utf-16-le"), "not_utf8", None),
        (b"\x89PNG\r\n", "no_header", 1),
        (b"sch\xe9ma,schema\n", "no_header", 1),
        (b'"schema,plate\n', "no_header", 1),
        (b"schema," + b"x" * 20_000 + b"\n", "no_header", 1),
        (b"sample_id,plate\nS-1,PL\n", "no_header", 1),
        (CSV.replace(b",", b";"), "wrong_separator", 1),
        (b"\n" + CSV.replace(b",", b"\t"), "wrong_separator", 2),
        (CSV.replace(b"sample_id", b"plate"), "repeated_column", 1),
        (CSV.replace(b"plate", b"Plate"), "unknown_column", 1),
        (CSV.replace(b"plate", b"=1+1"), "unknown_column", 1),
        (b"[]", "bad_json", 1),
        (b"{", "bad_json", 1),
        (b'{"schema" 1}', "bad_json", 1),
        (b"{[1]: 2}", "bad_json", 1),
        (b'{"rows": []}', "unknown_schema", None),
        (b'{"schema": ["x"], "rows": []}', "unknown_schema", None),
        (b'{"schema": "ror.manifest.wgs/1"}', "no_rows", None),
        (b'{"schema": "ror.manifest.wgs/1", "rows": []}', "no_rows", None),
        (b'{"schema": "ror.manifest.wgs/1", "rows": {}}', "bad_json", 1),
        (b'{"schema": "ror.manifest.wgs/1",\n"rows": [], "rows": []}', "unknown_key", 2),
        (b'{"schema": "ror.manifest.wgs/1", "more": 1}', "unknown_key", 1),
        (JSON + b"x", "bad_json", 5),
        (JSON.replace(b"]", b""), "bad_json", 4),
        (JSON.replace(b'"S-1"', b"S-1"), "bad_json", 3),
        (b'{"schema": "ror.manifest.wgs/1", "rows": [' + b"[" * 100_000, "bad_json", 1),
    ],
)
def test_files_without_a_readable_row_are_refused(content: bytes, problem: str, line: int | None) -> None:
    assert refusal(content) == (problem, line)


def test_manifests_beyond_all_measure_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_check, "MOST_BYTES", len(CSV))
    monkeypatch.setattr(manifest_check, "MOST_ROWS", 1)
    assert only(CSV).verdict is Verdict.ACCEPTED
    assert refusal(CSV + b"\n") == ("too_large", None)
    monkeypatch.setattr(manifest_check, "MOST_BYTES", 10 * len(CSV))
    assert refusal(CSV + CSV.splitlines()[1] + b"\n") == ("too_many_rows", None)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_comes_gives_verdicts_or_a_typed_error(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([CSV, JSON])))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    try:
        rows = check_manifest(bytes(content)).rows
    except ManifestError:
        return
    assert all(row.reasons or row.declared for row in rows)


# Rows against each other


def state(rows: Sequence[Fields]) -> set[object]:
    """What a manifest makes the service take in."""
    return {row.declared for row in check_manifest(as_csv(rows)).accepted()}


def test_the_same_row_again_counts_once_however_it_is_written() -> None:
    manifest = check_manifest(as_csv([fields(1), fields(2), fields(1, contamination="1e-3")]))
    assert verdicts(manifest) == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.REPEATED]
    assert manifest.rows[2].repeats == 1
    in_one_line = as_json([fields(1), fields(1)]).replace(b"\n", b" ")
    assert verdicts(check_manifest(in_one_line)) == [Verdict.ACCEPTED, Verdict.REPEATED]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sample_id": "S-1"}, "conflicting_rows"),
        ({"genotypes_sha256": f"{1:064x}"}, "shared_file"),
        ({"genotypes_file": "S-1.vcf.gz"}, "shared_file_name"),
        ({"plate": "PL-0", "well": "A02"}, "shared_well"),
    ],
)
def test_rows_that_cannot_both_be_true_are_all_refused(changes: dict[str, str], code: str) -> None:
    rows = [fields(1), fields(2, **changes), fields(3)]
    manifest = check_manifest(as_csv(rows))
    assert verdicts(manifest) == [Verdict.REFUSED, Verdict.REFUSED, Verdict.ACCEPTED]
    assert {reason.code for row in manifest.rows[:2] for reason in row.reasons} == {code}


def test_order_and_repetition_change_nothing() -> None:
    rows = [fields(number) for number in range(40)]
    rows += [fields(1), fields(2, contamination=0.5), fields(50, sample_id="S-3"), fields(51, specimen="hair")]
    expected = state(rows)
    assert len(expected) == 38
    shuffled = random.Random(1)  # noqa: S311 - no secret
    for _ in range(5):
        shuffled.shuffle(rows)
        assert state(rows + rows[::3]) == expected


def test_that_the_first_of_two_rows_wins_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_check, "_clashes", lambda rows: dict.fromkeys(list(rows)[1:2], ()))
    rows = [fields(1), fields(2, genotypes_sha256=f"{1:064x}")]
    assert len(state(rows)) == 2


# The reference pages


def test_the_pages_are_made_from_the_schemas() -> None:
    folder: Path = PROJECT / "docs" / "reference"
    for name, content in {"manifest.md": document(), **schema_files()}.items():
        assert (folder / name).read_text(encoding="utf-8") == content, name


def test_every_field_is_described_and_versioned() -> None:
    for schema, row in SCHEMAS.items():
        assert schema.startswith(f"ror.manifest.{row.assay.value}/")
        assert all(field.description for field in row.model_fields.values())
