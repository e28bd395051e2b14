"""What a participant typed finds its medicine by the whole name, in any language, or by a brand; else nothing."""

import pytest

from report_templates.medicine_names import resolve
from report_templates.wording import content_file

KNOWN = content_file("medicines/drugs.json")
DRUGS = [*KNOWN["drugs"], *KNOWN["second_source"]]


@pytest.mark.parametrize(
    ("typed", "drugs"),
    [
        ("clopidogrel", ["clopidogrel"]),
        ("  CLOPIDOGREL ", ["clopidogrel"]),
        ("Plavix 75 mg once a day", ["clopidogrel"]),
        ("codeína", ["codeine"]),
        ("codeina", ["codeine"]),
        ("azul de metileno", ["methylene blue"]),
        ("succinilcolina", ["succinylcholine"]),
        ("Tylenol with Codeine", ["codeine"]),
        ("Vytorin", ["simvastatin"]),
        ("effexor", ["venlafaxine"]),
        ("Toprol-XL", ["metoprolol"]),
        ("Coumadin", ["warfarin"]),
        ("omeprazole + ibuprofeno", ["ibuprofen", "omeprazole"]),
        ("lansoprazole / Prevacid", ["lansoprazole"]),
        ("Lamictal 25 mg", ["lamotrigine"]),
        ("acenocumarol", ["acenocoumarol"]),
    ],
)
def test_what_is_found(typed: str, drugs: list[str]) -> None:
    assert list(resolve(typed)) == drugs


@pytest.mark.parametrize(
    "typed", ["", "   ", "( )", "XR", "omepra", "esomeprazole", "metil azul", "vitamin D", "75 mg"]
)
def test_what_is_not_found(typed: str) -> None:
    assert resolve(typed) == ()


def test_every_name_and_brand_finds_its_own_medicine_and_no_other() -> None:
    for drug in DRUGS:
        for name in (*drug["name"].values(), *drug["brands_us"], *drug["brands_us_combination"], *drug["other_names"]):
            assert drug["id"] in resolve(name), name
            assert resolve(name.upper()) == resolve(name), name


def test_other_names_can_be_added_for_one_look() -> None:
    assert resolve("dabigatran 2 mg") == ()
    assert resolve("dabigatran 2 mg", also=("dabigatran",)) == ("dabigatran",)
    assert resolve("dabigatran 2 mg") == ()
