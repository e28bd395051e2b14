from datetime import date

import pytest

from report_templates.content import Language
from report_templates.wording import WordingError, Words, fill

EN, ES = Words(Language.EN), Words(Language.ES)


def test_every_placeholder_is_filled_or_the_report_stops() -> None:
    assert fill("{a} and {b}", {"a": 1, "b": "{a}"}, "here") == "1 and {a}"
    with pytest.raises(WordingError, match=r"here.*'b'"):
        fill("{a} and {b}", {"a": 1}, "here")


def test_an_unknown_key_stops_the_report() -> None:
    with pytest.raises(WordingError, match=r"locale/es\.json.*no\.such"):
        ES("no.such.key")
    assert not ES.has("no.such.key")


def test_plurals() -> None:
    assert EN("traits.headline", n=1) == "We could read 1 trait in your DNA"
    assert ES("traits.headline", n=2) == "Pudimos leer 2 rasgos en su ADN"
    text = {"one": {"en": "{n} thing", "es": "{n} cosa"}, "other": {"en": "{n} things", "es": "{n} cosas"}}
    assert [EN.text(text, n=1), ES.text(text, n=0)] == ["1 thing", "0 cosas"]


@pytest.mark.parametrize(
    ("names", "english", "spanish"),
    [
        ([], "", ""),
        (["Oceanía"], "Oceanía", "Oceanía"),
        (["A", "B"], "A and B", "A y B"),
        (["A", "B", "C"], "A, B, and C", "A, B y C"),
        (["A", "insulina"], "A and insulina", "A e insulina"),
        (["A", "B", "Hígado"], "A, B, and Hígado", "A, B y Hígado"),
        (["A", "hierro"], "A and hierro", "A y hierro"),
    ],
)
def test_lists(names: list[str], english: str, spanish: str) -> None:
    assert EN.listed(names) == english
    assert ES.listed(names) == spanish


def test_dates_and_numbers() -> None:
    assert EN.day(date(2026, 3, 2)) == "March 2, 2026"
    assert ES.day(date(2026, 3, 2)) == "2 de marzo de 2026"
    assert [EN.iso_date(text) for text in ("2024-05", "2024-05-06", "2024", "v3.3")] == [
        "May 2024",
        "May 6, 2024",
        "2024",
        "v3.3",
    ]
    assert ES.number(35231) == "35,231"
