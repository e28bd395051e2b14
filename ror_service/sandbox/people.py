"""The synthetic programme: a dozen people of varied ancestry, each with a story that the service must handle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from consent.types import ModuleAnswer
from interpreters.genotypes import Sex
from ror_service.sandbox.genomes import Genome, Planted

MODULES = ("ancestry", "hereditary_risk", "pharmacogenomics", "traits")

BRCA2_FRAMESHIFT = Planted("13", 32339699, "CAA", "C")
"""ClinVar 37959, pathogenic by expert panel."""
HFE_C282Y_HOMOZYGOUS = Planted("6", 26092913, "G", "A", homozygous=True)
DRY_EARWAX = ("16", 48224287)
LACTASE_EUROPE = ("2", 135851076)

DELIVERED = "delivered"
"""The report reached the partner and can be read."""


@dataclass(frozen=True, slots=True)
class SyntheticPerson:
    """One person of the synthetic programme and what must become of each result."""

    participant_id: str
    story: str
    genome: Genome
    declared_sex: Sex
    birth_date: date
    language: str = "en"
    answers: Mapping[str, ModuleAnswer] = field(default_factory=dict)
    """Answers that are not yes."""
    expected: Mapping[str, str] = field(default_factory=dict)
    """Module to the state that is not `delivered`."""
    own_medicines: tuple[str, ...] = ()
    """What the person says to take, as the person writes it."""
    withdraws: bool = False

    def expectation(self, module: str) -> str:
        """What must become of a module."""
        return self.expected.get(module, DELIVERED)


def _person(number: int, story: str, components: Mapping[str, float], sex: Sex, **more: object) -> SyntheticPerson:
    genome_keys = {"star_alleles", "trait_bases", "planted"}
    genome = Genome(components, sex, **{key: value for key, value in more.items() if key in genome_keys})  # type: ignore[arg-type]
    rest = {"declared_sex": sex} | {key: value for key, value in more.items() if key not in genome_keys}
    return SyntheticPerson(f"P{number:04d}", story, genome, birth_date=date(1950 + 3 * number, 4, 2 + number), **rest)  # type: ignore[arg-type]


_HELD = dict.fromkeys(MODULES, "qc_hold")

PEOPLE = (
    _person(1, "carrier of nothing, West African ancestors", {"AFR_W": 1.0}, Sex.FEMALE),
    _person(
        2,
        "carries a pathogenic BRCA2 variant, north-west European ancestors",
        {"EUR_NW": 1.0},
        Sex.FEMALE,
        planted=(BRCA2_FRAMESHIFT,),
        trait_bases={LACTASE_EUROPE: ("G", "A")},
        own_medicines=("omeprazole", "lisinopril"),  # no report knows the second
    ),
    _person(
        3,
        "two copies of HFE C282Y, north-west European ancestors",
        {"EUR_NW": 0.9, "EUR_E": 0.1},
        Sex.MALE,
        planted=(HFE_C282Y_HOMOZYGOUS,),
    ),
    _person(
        4,
        "thiopurine-sensitive NUDT15, dry earwax, Japanese ancestors",
        {"EAS_Jpn": 1.0},
        Sex.FEMALE,
        star_alleles={"NUDT15": ("*1", "*3"), "CYP2C19": ("*1", "*2")},
        trait_bases={DRY_EARWAX: ("T", "T")},
        own_medicines=("azathioprine", "vitamin D"),
    ),
    _person(
        5,
        "G6PD deficient, West African ancestors",
        {"AFR_W": 0.85, "EUR_NW": 0.15},
        Sex.MALE,
        star_alleles={"G6PD": ("A- 202A_376G", "A- 202A_376G")},
    ),
    _person(
        6,
        "reads Spanish, ancestors from Mexico, Iberia and West Africa",
        {"AMR_May": 0.5, "EUR_Iber": 0.4, "AFR_W": 0.1},
        Sex.FEMALE,
        language="es",
        own_medicines=("omeprazol", "Ácido fólico"),
    ),
    _person(
        7,
        "DPYD reduced, Levantine ancestors",
        {"MENA_Pal": 1.0},
        Sex.MALE,
        star_alleles={"DPYD": ("Reference", "c.1905+1G>A (*2A)")},
    ),
    _person(8, "ancestors from New Guinea", {"OCE_Pap": 1.0}, Sex.FEMALE),
    _person(
        9,
        'said "maybe later" to hereditary risk, ancestors from southern India',
        {"SAS_S": 1.0},
        Sex.MALE,
        answers={"hereditary_risk": ModuleAnswer.MAYBE_LATER},
        expected={"hereditary_risk": "deferred"},
    ),
    _person(
        10,
        "withdraws after the reports were delivered, north African and Iberian ancestors",
        {"MENA_NAf": 0.5, "EUR_Iber": 0.5},
        Sex.FEMALE,
        star_alleles={"SLCO1B1": ("*1", "*5")},
        own_medicines=("simvastatin",),
        withdraws=True,
    ),
    _person(
        11,
        "declared sex disagrees with the data: a possible mix-up",
        {"EUR_Ital": 1.0},
        Sex.MALE,
        declared_sex=Sex.FEMALE,
        expected=_HELD,
    ),
    _person(
        12,
        "said no to traits, Chinese and north-east Asian ancestors",
        {"EAS_C": 0.6, "EAS_N": 0.4},
        Sex.MALE,
        answers={"traits": ModuleAnswer.NO},
        expected={"traits": "declined"},
    ),
)
"""Everyone in the demonstration."""
