"""The search for canaries finds each of them in every form, also packed, and nothing where there is nothing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote_plus

import pytest
import zstandard
from support.canaries import Canary, Kind, Place, Search, forms

NAME = Canary(Kind.NAME, "Żofia Kanarek-7Q")
WHO = Canary(Kind.IDENTIFIER, "P-CANARY-7Q")
NOISE = random.Random(7).randbytes(5000)  # noqa: S311 - the same at every run


def _zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", data)
    return made.getvalue()


TEXT = b'{"of": "' + NAME.text.encode() + b'"}' + b" " * 60
PACKED = {
    "raw": TEXT,
    "utf-16-le": TEXT.decode().encode("utf-16-le"),
    "utf-16-be": TEXT.decode().encode("utf-16-be"),
    "hex": TEXT.hex().encode(),
    "HEX": TEXT.hex().upper().encode(),
    **{f"base64 {lead}": base64.b64encode(b"-" * lead + NAME.text.encode() + b"...") for lead in range(4)},
    **{f"base64url {lead}": base64.urlsafe_b64encode(b"-" * lead + NAME.text.encode()) for lead in range(4)},
    "json": json.dumps(NAME.text).encode(),
    "json, every character": "".join(f"\\u{ord(c):04x}" for c in NAME.text).encode(),
    "percent": quote_plus(NAME.text).encode(),
    "percent, every byte": "".join(f"%{byte:02x}" for byte in NAME.text.encode()).encode(),
    "gzip": gzip.compress(TEXT),
    "zlib": zlib.compress(TEXT, 1),
    "zlib, best": zlib.compress(TEXT, 9),
    "zstd": zstandard.compress(TEXT),
    "zip": _zipped(TEXT),
    "base64 of gzip": base64.b64encode(gzip.compress(TEXT)),
    "gzip in zip, in hex": _zipped(gzip.compress(TEXT, 0) + NOISE).hex().encode(),
    "gzip, cut off": gzip.compress(TEXT + NOISE)[:-2000],
}


@pytest.mark.parametrize("form", PACKED)
def test_it_is_found_in_every_form(form: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(NOISE + b"\n" + PACKED[form] + b"\n" + NOISE)
    (tmp_path / "folder" / "empty").touch()
    search = Search([NAME, WHO])
    search.folder(Place.LOGS, tmp_path)
    assert {(hit.place, hit.kind) for hit in search.hits} == {(Place.LOGS, Kind.NAME)}
    assert search.searched[Place.LOGS] > 2 * len(NOISE)


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(NOISE + gzip.compress(NOISE) + base64.b64encode(NOISE))
    search = Search([NAME, WHO])
    search.folder(Place.LOGS, tmp_path)
    assert search.hits == []


def test_an_identifier_may_be_in_the_database_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / WHO.text).touch()
    search = Search([WHO])
    for place in Place:
        search.folder(place, tmp_path)
    assert {hit.place for hit in search.hits} == set(Place) - {Place.DATABASE}


def test_a_text_that_may_turn_up_by_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Search([Canary(Kind.GENOTYPE, "C/T")])


def test_every_form_of_a_short_text_is_long_enough() -> None:
    assert min(len(pattern) for _, pattern in forms('"*1/*3"')) >= 7
