"""Who is affected by some variants: everybody who carries one, nobody who left, and what was not looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.genotype_files import genome_text
from support.hereditary_genomes import MODULE, PEOPLE, copied_service, genome, hereditary_service, take_everybody_in
from support.medicine_genomes import take_in
from support.service import PIPELINE, Service, SettableClock
from support.stored_genotypes import forget_stored

from consent.types import Answer
from interpreters.genotypes import Build, Record
from interpreters.hereditary_risk import HereditaryRisk
from ror_service import affected
from ror_service.affected import Affected
from ror_service.cli.main import main
from ror_service.errors import ErasedError, InvalidInputError
from ror_service.genotypes import index
from ror_service.genotypes.index import Segment
from ror_service.sealing import vault
from ror_service.storage import indexes, results
from ror_service.storage.tables import DataKeyRow, StoredGenotypesRow, VariantSegmentRow

LOST, GAINED = PEOPLE["P-lost"], PEOPLE["P-gained"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, SettableClock]]:
    """What a service with four people leaves in its folder, and its clock."""
    with hereditary_service(tmp_path_factory.mktemp("home") / "service") as running:
        take_everybody_in(running)
        running.context.engine.dispose()
        yield running.context.settings.home, running.clock


@pytest.fixture
def service(template: tuple[Path, SettableClock], tmp_path: Path) -> Iterator[Service]:
    home, clock = template
    with copied_service(tmp_path / "service", home, SettableClock(clock.now)) as running:
        running.context.interpreters = {MODULE: running.context.interpreter(MODULE, "2025-09-28")}
        yield running


def _line(variant: tuple[str, int, str, str], build: str = "GRCh38") -> str:
    return " ".join(map(str, (build, *variant)))


def _ask(service: Service, *lines: str, module: str = MODULE) -> Affected:
    file = service.context.settings.home / "variants.txt"
    file.write_text("\n".join(("# asked for", "", *lines)))
    hereditary = service.context.interpreters[MODULE]
    assert isinstance(hereditary, HereditaryRisk)
    return affected.affected(service.context, affected.read_variants(file, hereditary), module)


def _cases(service: Service, *people: str) -> set[str]:
    return {service.case(participant_id, MODULE).case_id for participant_id in people}


def test_carriers_are_found_by_coordinates_and_by_clinvar_id(service: Service) -> None:
    found = _ask(service, _line(LOST), _line(GAINED))
    assert (found.variants, found.samples, found.carriers, found.not_all_variants) == (2, 4, 2, 0)
    assert set(found.cases) == _cases(service, "P-lost", "P-gained")
    hereditary = service.context.interpreters[MODULE]
    assert isinstance(hereditary, HereditaryRisk)
    (known,) = (r for r in hereditary.clinvar(Build.GRCH38) if (r.chrom, r.pos, r.ref, r.alt) == LOST)
    for name in (known.variation_id, f"VCV{int(known.variation_id):09d}"):
        assert set(_ask(service, name).cases) == _cases(service, "P-lost")
    assert _ask(service, _line((LOST[0], LOST[1], "C", "A"))).carriers == 0
    assert _ask(service, _line(LOST), module="pharmacogenomics").cases == ()


def test_the_question_and_every_case_it_finds_are_audited(service: Service) -> None:
    found = _ask(service, _line(LOST))
    (asked,), (told,) = service.actions("variants.affected"), service.actions("genotypes.affected")
    assert asked.details == {"variants": 1, "samples": 4, "carriers": 1, "cases": 1}
    assert (told.participant_id, told.object_id) == ("P-lost", found.cases[0])
    (indexed,) = service.actions("genotypes.index")
    assert set(indexed.details["samples"]) == {f"sample-of-{name}" for name in PEOPLE}


def test_every_known_spelling_of_a_deletion_is_asked_for(service: Service) -> None:
    # TTTT>TTT in BRCA2, written at its last base; whoever asks writes it at its first one.
    hereditary = service.context.interpreters[MODULE]
    assert isinstance(hereditary, HereditaryRisk)
    bases = hereditary.reference_bases(Build.GRCH38)
    chrom, first, run = next(
        (chrom, start + at, stretch[at : at + 4])
        for chrom, start, stretch in bases.stretches()
        if chrom == "13"
        for at in range(len(stretch) - 4)
        if len(set(stretch[at + 1 : at + 4])) == 1 and stretch[at] != stretch[at + 1]
    )
    last = first + 2
    take_in(service, "P-deletion", genome(chrom, last, run[2:4], run[2]), MODULE)
    assert set(_ask(service, _line((chrom, first, run[:2], run[0]))).cases) == _cases(service, "P-deletion")


def test_what_was_not_looked_at_is_counted(service: Service) -> None:
    assert _ask(service, _line(LOST, "GRCh37")).not_all_variants == 4
    assert _ask(service, _line(("1", 1000, "A", "G"))).not_all_variants == 4
    assert _ask(service, _line(("1", 1000, "AA", "A"))).uncertain_variants == 1
    with service.work(PIPELINE) as work:
        row = results.must_get(work.session, StoredGenotypesRow, "sample-of-P-stars")
        indexes.dissolve_segments(work.session, [row.sample_id], work.at)
        row.sealed, row.carried = row.sealed[:-1] + b"?", None
        row = results.must_get(work.session, StoredGenotypesRow, "sample-of-P-elsewhere")
        row.sealed = b"\x01" + row.sealed[1:]
        vault.keep_genotypes(
            work, service.context.keys, "P-elsewhere", "sample-of-P-elsewhere", b"RORG\xff", build=Build.GRCH38,
            catalogue=row.catalogue_digest,
        )  # fmt: skip
    found = _ask(service, _line(LOST))
    assert (found.samples, found.unreadable, found.carriers) == (2, 2, 1)
    forget_stored(service)
    assert _ask(service, _line(LOST)).not_stored == 4


def test_who_withdraws_is_forgotten_at_once(service: Service) -> None:
    _ask(service, _line(LOST))
    (segment,) = service.rows(VariantSegmentRow)
    sealed = segment.sealed
    service.withdraw("P-lost")
    (gone,) = service.rows(VariantSegmentRow)
    assert gone.sealed is None
    with service.work() as work:
        assert results.must_get(work.session, DataKeyRow, segment.data_key_id).wrapped is None
        gone.sealed = sealed
        with pytest.raises(ErasedError):
            vault.open_segment(work, service.context.keys, gone)
        work.session.rollback()
    found = _ask(service, _line(LOST), _line(GAINED))
    assert (found.samples, found.carriers) == (3, 1)
    assert set(found.cases) == _cases(service, "P-gained")


def test_who_asks_for_no_result_is_counted_and_not_named(service: Service) -> None:
    service.identity_case("P-lost")
    found = _ask(service, _line(LOST))
    assert (found.carriers, found.cases, found.passed_over) == (1, (), 1)
    service.clock.advance(hours=1)
    service.consent(Answer.NO, participant_id="P-lost")
    assert (_ask(service, _line(LOST)).cases, service.actions("genotypes.affected")) == ((), [])


def test_a_new_sample_and_a_new_reading_are_in_the_next_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SAMPLES", 3)
    assert _ask(service, _line(LOST)).samples == 4
    assert sorted(row.samples for row in service.rows(VariantSegmentRow)) == [1, 3]
    both = Record("17", LOST[1], LOST[1], LOST[2], ("A", LOST[3]), (1, 2), depth=30, genotype_quality=99)
    take_in(service, "P-new", genome_text([both]), MODULE)
    assert _ask(service, _line(LOST)).carriers == 2
    with service.work(PIPELINE) as work:
        stored = service.context.genotypes.find(work, "sample-of-P-stars")
        assert stored is not None
        service.context.genotypes.keep(work, "sample-of-P-lost", stored)
    assert _ask(service, _line(LOST)).carriers == 1, "the index held what was stored before"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("GRCh38 17 43045748 C", "line 3: not understood"),
        ("hg38 17 43045748 C T", "line 3: not understood"),
        ("GRCh38 17 x C T", "line 3: not understood"),
        ("GRCh38 99 43045748 C T", "line 3: not a variant"),
        ("GRCh38 17 0 C T", "line 3: not a variant"),
        ("GRCh38 chrM 5 C C", "line 3: not a variant"),
        ("GRCh38 17 5 C <DEL>", "line 3: not a variant"),
        ("rs123", "line 3: not understood"),
        ("999999999", "line 3: the ClinVar release in use has no such"),
        ("", "names no variant"),
    ],
)
def test_a_line_that_is_not_understood_is_named(service: Service, line: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        _ask(service, line)


def test_a_file_must_be_text_and_ids_need_the_module(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read as text"):
        affected.read_variants(tmp_path / "none", None)
    file = tmp_path / "variants.txt"
    file.write_text("12345\n")
    with pytest.raises(InvalidInputError, match="no such variation id"):
        affected.read_variants(file, None)
    file.write_text("GRCh38 chrM 5 C T\n")
    (variant,) = affected.read_variants(file, None)
    assert [key.chrom for key in variant.spellings[Build.GRCH38]] == ["MT"]


def test_a_segment_survives_its_packing() -> None:
    held = (("S-1", [5, 2**64 - 1]), ("S-2", []), ("S-3", [5]))
    segment = Segment.of((name, index.np.array(numbers, dtype=index.np.uint64)) for name, numbers in held)
    again = Segment.unpack(segment.pack())
    for wanted, expected in (([5], {"S-1", "S-3"}), ([2**64 - 1], {"S-1"}), ([0, 6], set()), ([], set())):
        numbers = index.np.array(wanted, dtype=index.np.uint64)
        assert segment.carrying(numbers) == again.carrying(numbers) == expected
    assert Segment.unpack(Segment.of([]).pack()).samples == ()


def test_the_command_prints_counts_and_cases_only_on_request(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # It would change the process of the tests for good.
    monkeypatch.setattr("ror_service.cli.main.prepare", lambda: None)
    home = service.context.settings.home
    (home / "asked.txt").write_text(f"{_line(LOST)}\n{_line(('1', 1000, 'AA', 'A'))}\n")
    monkeypatch.setenv("ROR_HOME", str(home))
    monkeypatch.setenv("ROR_KNOWLEDGE_RELEASES", json.dumps({MODULE: "2025-09-28"}))

    def run(*more: str) -> str:
        monkeypatch.setattr("sys.argv", ["ror", "affected", "--variants", str(home / "asked.txt"), *more])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    (case_id,) = _cases(service, "P-lost")
    text = run()
    assert "2 variants, 4 samples" in text
    assert "1 samples carry one of them" in text
    assert "4 samples could not be searched for every variant" in text
    assert "P-lost" not in text
    assert case_id not in text
    assert run("--cases").splitlines()[0] == case_id
    told = json.loads(run("--json"))
    assert (told["cases"], told["carriers"], "case_ids" in told) == (1, 1, False)
    assert json.loads(run("--json", "--cases"))["case_ids"] == [case_id]
