"""A report as a FHIR R4 bundle by HL7's Genomics Reporting guide, for the systems of those who care for the person.

It says what the clinician's version of the report says, by the same rules about what may be shown; what those leave out
is not in it. What was not read stands in it as well: in the regions of the analysis and in the notes of the report.
Pure: the same release gives the same bytes, so that a bundle can be made again and compared.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from consent.gate import Release
from interpreters.findings import (
    AncestryFinding,
    DrugRecommendation,
    HereditaryVariant,
    PharmacogenomicFinding,
    RegionShare,
    TraitFinding,
)
from report_templates.content import Audience, Language, ReportContent
from report_templates.medicine_messages import GeneState, results_of
from report_templates.views import hereditary_facts, medicine_facts, traits
from report_templates.views.calls import call_label
from report_templates.views.hereditary_facts import Confirmed
from report_templates.wording import Words
from ror_service.errors import RenderError
from ror_service.interchange import codes
from ror_service.interchange.codes import LOINC, coded, component
from ror_service.interchange.profiles import GUIDE, Json, guide

MEDIA_TYPE = "application/fhir+json"
FILE = "clinician.en.json"
"""Name of the bundle among the files of a report version: it is for the systems of professionals."""
_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, f"{GUIDE}genomic-report")
"""Root of the identifiers of resources, so that the same result has the same ones."""

_NO_CARE = frozenset({"standard_dose", "no_recommendation"})


def fhir_bundle(release: Release[ReportContent]) -> bytes:
    """The report as JSON of a FHIR bundle (R4, type `collection`) with resources that keep the guide's profiles.

    Raises:
        RenderError: If a resource does not keep its profile; the message names the places, never a value.
    """
    bundle = _Report(release.payload).bundle()
    faults = guide().check(bundle)
    if faults:
        places = ", ".join(dict.fromkeys(fault.path for fault in faults))
        raise RenderError(f"the FHIR bundle does not keep its profiles at {places}")
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


class _Report:
    """One report, and the resources made of it so far."""

    def __init__(self, content: ReportContent) -> None:
        self._content = content
        self._words = Words(Language.EN, Audience.CLINICIAN)
        self._entries: list[Json] = []
        self._results: list[Json] = []
        self._tasks: list[Json] = []
        self._notes: list[str] = [self._words("clinician.research")]
        if content.wording_review is None:
            self._notes.append(self._words("wording_not_reviewed"))
        if content.change is not None:
            self._notes.append(content.change.reason[Language.EN])

    def bundle(self) -> dict[str, Any]:
        """The whole report; the report itself is its first entry."""
        content = self._content
        self._patient = self._add("Patient", "patient", **self._patient_facts())
        self._programme = self._add("Organization", "programme", name=content.programme.name)
        self._specimen = self._add("Specimen", "specimen", **self._specimen_facts())
        match content.module:
            case "hereditary_risk":
                conclusion = self._hereditary()
            case "pharmacogenomics":
                conclusion = self._medicines()
            case "traits":
                conclusion = self._traits()
            case _:
                conclusion = self._ancestry()
        report = self._diagnostic_report(conclusion)
        return {
            "resourceType": "Bundle",
            "id": self._id("bundle"),
            "type": "collection",
            "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{self._id('bundle')}"},
            "timestamp": f"{content.issued.isoformat()}T00:00:00Z",
            "entry": [report, *self._entries],
        }

    def _id(self, role: str) -> str:
        return str(uuid.uuid5(_NAMES, f"{self._content.accession}/{self._content.version}/{role}"))

    def _entry(self, kind: str, role: str, profile: str | None = None, **facts: Any) -> Json:  # noqa: ANN401
        resource = {"resourceType": kind, "id": self._id(role), **{k: v for k, v in facts.items() if v}}
        if profile is not None:
            resource["meta"] = {"profile": [GUIDE + profile]}
        return {"fullUrl": f"urn:uuid:{self._id(role)}", "resource": resource}

    def _add(self, kind: str, role: str, profile: str | None = None, **facts: Any) -> Json:  # noqa: ANN401
        """Add a resource; the answer is a reference to it."""
        entry = self._entry(kind, role, profile, **facts)
        self._entries.append(entry)
        return {"reference": entry["fullUrl"]}

    # --- What every report has

    def _patient_facts(self) -> dict[str, Any]:
        who = self._content.participant
        return {"identifier": [{"value": who.programme_id}], "birthDate": str(who.birth_year)}

    def _specimen_facts(self) -> dict[str, Any]:
        of = self._content.specimen
        collected = {"collectedDateTime": of.collected.isoformat()} if of.collected else {}
        return {
            "type": coded(codes.SNOMED, *codes.SPECIMENS[of.kind]),
            "subject": self._patient,
            "receivedTime": of.received.isoformat() if of.received else None,
            "collection": collected,
        }

    def _diagnostic_report(self, conclusion: Json) -> Json:
        content = self._content
        extensions = [
            *self._tasks,
            {"url": GUIDE + "genomic-study-reference", "valueReference": self._study()},
            *({"url": GUIDE + "genomic-report-note", "valueAnnotation": {"text": text}} for text in self._notes),
            *(
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact",
                    "valueRelatedArtifact": {
                        "type": "derived-from",
                        "display": f"{source.name}, {source.version}",
                        "url": source.url,
                    },
                }
                for source in content.sources
            ),
        ]
        return self._entry(
            "DiagnosticReport",
            "report",
            "genomic-report",
            extension=extensions,
            identifier=[{"value": content.accession}],
            status=codes.STATUS[content.kind],
            category=[coded("http://terminology.hl7.org/CodeSystem/v2-0074", "GE", "Genetics")],
            code=coded(LOINC, "51969-4", "Genetic analysis report"),
            subject=self._patient,
            effectiveDateTime=(content.specimen.collected or content.issued).isoformat(),
            issued=f"{content.issued.isoformat()}T00:00:00Z",
            performer=[self._programme],
            specimen=[self._specimen],
            result=self._results,
            **conclusion,
        )

    def _study(self) -> Json:
        """What was done, and which genes were read and which were not."""
        category = coded("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")
        specimen = self._content.specimen
        analysis = self._add(
            "Procedure",
            "analysis",
            "genomic-study-analysis",
            status="completed",
            category=category,
            subject=self._patient,
            extension=[
                {
                    "url": GUIDE + "genomic-study-analysis-method-type",
                    "valueCodeableConcept": coded(LOINC, *codes.METHODS[specimen.assay]),
                },
                {
                    "url": GUIDE + "genomic-study-analysis-genome-build",
                    "valueCodeableConcept": coded(LOINC, *codes.BUILDS[specimen.build]),
                },
                {"url": GUIDE + "genomic-study-analysis-specimen", "valueReference": self._specimen},
                *self._regions(),
            ],
        )
        return self._add(
            "Procedure",
            "study",
            "genomic-study",
            status="completed",
            category=category,
            code={"text": self._words(f"title.{self._content.module}")},
            subject=self._patient,
            extension=[{"url": GUIDE + "genomic-study-analysis-ext", "valueReference": analysis}],
        )

    def _regions(self) -> list[Json]:
        """Genes asked for, and of these the ones that no result may be taken from."""
        match self._content.module:
            case "hereditary_risk":
                read = hereditary_facts.genes(self._content)
                studied = hereditary_facts.names(read.all)
                uncalled = hereditary_facts.names((*read.partly, *read.not_assessed))
            case "pharmacogenomics":
                results = medicine_facts.gene_results(self._content)
                studied = tuple(sorted(results.states))
                uncalled = tuple(gene for gene in studied if results.state(gene) in medicine_facts.WITHOUT_RESULT)
            case _:
                return []
        parts = [
            {"url": kind, "valueCodeableConcept": codes.gene(gene)}
            for kind, genes in (("studied", studied), ("uncalled", sorted(uncalled)))
            for gene in genes
        ]
        return [{"url": GUIDE + "genomic-study-analysis-regions", "extension": parts}] if parts else []

    def _observation(self, role: str, profile: str | None, code: Json, **facts: Any) -> Json:  # noqa: ANN401
        content = self._content
        return self._add(
            "Observation",
            role,
            profile,
            status="final",
            category=[
                coded("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory"),
                coded("http://terminology.hl7.org/CodeSystem/v2-0074", "GE"),
            ],
            code=code,
            subject=self._patient,
            effectiveDateTime=(content.specimen.collected or content.issued).isoformat(),
            performer=[self._programme],
            specimen=self._specimen,
            **facts,
        )

    # --- Hereditary disease risk

    def _hereditary(self) -> Json:
        content, words = self._content, self._words
        found = hereditary_facts.confirmed(content)
        read = hereditary_facts.genes(content)
        state = hereditary_facts.state_of(read, found=bool(found))
        for item in found:
            self._confirmed(item)
        self._notes += [
            words("hereditary.limit_rules_nothing_out"),
            words(
                "hereditary.coverage_counts",
                gene_list=hereditary_facts.gene_list(content),
                assessed=len(read.assessed),
                partly=len(read.partly),
                not_assessed=len(read.not_assessed),
            ),
        ]
        code = codes.CONCLUSIONS.get(state)
        return {"conclusionCode": [coded(LOINC, *code)]} if code else {}

    def _confirmed(self, item: Confirmed) -> None:
        variants = [self._variant(item.finding.gene, variant) for variant in item.variants]
        classes = [variant.classification for variant in item.variants]
        components = [
            component(LOINC, "53037-8", valueCodeableConcept=self._significance(classes)),
            *(
                component(LOINC, "81259-4", valueCodeableConcept={"text": condition["name"]["en"]})
                for condition in hereditary_facts.conditions_of(item.finding.gene)
            ),
            component(codes.CODES, "conclusion-string", valueString=self._words("clinician.research")),
        ]
        implication = self._observation(
            f"implication/{item.finding.gene}",
            "diagnostic-implication",
            coded(codes.CODES, "diagnostic-implication"),
            derivedFrom=variants,
            component=components,
        )
        self._results += [*variants, implication]

    def _significance(self, classes: Sequence[str | None]) -> Json:
        """The classification of the variants where they have the same; else in words, one after the other."""
        alike = {each for each in classes if each}
        if len(alike) == 1 and None not in classes and (known := codes.SIGNIFICANCE.get(next(iter(alike)))):
            return coded(LOINC, *known)
        return {"text": "; ".join(each.replace("_", " ") if each else "not classified" for each in classes)}

    def _variant(self, gene: str, variant: HereditaryVariant) -> Json:
        build = self._content.specimen.build
        place = codes.CHROMOSOMES.get(variant.chrom)
        components = [
            component(LOINC, "48018-6", valueCodeableConcept=codes.gene(gene)),
            component(LOINC, "62374-4", valueCodeableConcept=coded(LOINC, *codes.BUILDS[build])),
            component(LOINC, "48002-0", valueCodeableConcept=coded(LOINC, "LA6683-2", "Germline")),
            component(
                LOINC,
                "92822-6",
                valueCodeableConcept=coded(LOINC, "LA30102-0", "1-based character counting"),
            ),
            component(LOINC, "81254-5", valueRange={"low": {"value": variant.pos}}),
            component(LOINC, "69547-8", valueString=variant.ref),
            component(LOINC, "69551-0", valueString=variant.alt),
        ]
        if place is not None:
            components.append(component(LOINC, "48000-4", valueCodeableConcept=codes.chromosome(place)))
        if variant.zygosity in codes.ALLELIC_STATES:
            state = coded(LOINC, *codes.ALLELIC_STATES[variant.zygosity])
            components.append(component(LOINC, "53034-5", valueCodeableConcept=state))
        if variant.hgvs:
            components.append(component(LOINC, "81290-9", valueCodeableConcept=coded(codes.HGVS, variant.hgvs)))
        if variant.clinvar_id:
            components.append(
                component(LOINC, "81252-9", valueCodeableConcept=coded(codes.CLINVAR, variant.clinvar_id))
            )
        if variant.transcript:
            components.append(component(LOINC, "51958-7", valueCodeableConcept={"text": variant.transcript}))
        if variant.reads:
            components.append(component(LOINC, "82121-5", valueQuantity={"value": variant.reads[1], "unit": "reads"}))
        if variant.allele_balance is not None:
            share = {"value": round(variant.allele_balance, 3), "unit": "1", "system": codes.UCUM, "code": "1"}
            components.append(component(LOINC, "81258-6", valueQuantity=share))
        return self._observation(
            f"variant/{variant.chrom}-{variant.pos}-{variant.ref}-{variant.alt}",
            "variant",
            coded(LOINC, "69548-6", "Genetic variant assessment"),
            valueCodeableConcept=coded(LOINC, "LA9633-4", "Present"),
            component=components,
        )

    # --- Medicines

    def _medicines(self) -> Json:
        results = medicine_facts.gene_results(self._content)
        genotypes = {
            gene: self._genotype(finding)
            for gene, finding in sorted(results.findings.items())
            if results.state(gene) not in medicine_facts.WITHOUT_RESULT
        }
        self._results += genotypes.values()
        rows = medicine_facts.rows_by_drug(results)
        for number, row in enumerate(row for of_drug in rows.values() for row in of_drug):
            self._guidance(number, row, genotypes, results)
        held = results.in_state(GeneState.HELD)
        if held:
            self._notes.append(self._words("clinician.genes.held", genes=self._words.listed(held)))
        return {}

    def _genotype(self, finding: PharmacogenomicFinding) -> Json:
        call = call_label(finding, self._words) or self._words("clinician.no_call")
        components = [component(LOINC, "48018-6", valueCodeableConcept=codes.gene(finding.gene))]
        meaning = ", ".join(results_of(finding))
        if meaning:
            components.append(component(codes.CODES, "conclusion-string", valueString=meaning))
        return self._observation(
            f"genotype/{finding.gene}",
            "genotype",
            coded(LOINC, "84413-4", "Genotype display name"),
            valueCodeableConcept={"text": f"{finding.gene} {call}"},
            component=components,
        )

    def _guidance(
        self, number: int, row: DrugRecommendation, genotypes: dict[str, Json], results: medicine_facts.GeneResults
    ) -> None:
        """One row of a guideline: what it holds for, and what it says, with whether anybody has approved the words."""
        rests_on = [genotypes[gene] for gene in row.genes if gene in genotypes]
        if not rests_on:
            return
        name = medicine_facts.drug_name(row.drug)
        medicine = coded(codes.RXNORM, row.rxnorm, name) if row.rxnorm else {}
        phenotypes = [
            codes.phenotype(gene, meaning)
            for gene in row.genes
            if gene in genotypes
            for meaning in results_of(results.findings[gene])
        ]
        implication = self._observation(
            f"implication/{number}",
            "therapeutic-implication",
            coded(codes.CODES, "therapeutic-implication"),
            derivedFrom=rests_on,
            component=[
                *(component(codes.CODES, "therapeutic-implication", valueCodeableConcept=each) for each in phenotypes),
                component(LOINC, "51963-7", valueCodeableConcept={**medicine, "text": name}),
                *(
                    [component(LOINC, "93044-6", valueCodeableConcept={"text": f"{row.source}: {row.strength}"})]
                    if row.strength
                    else []
                ),
            ],
        )
        self._results.append(implication)
        if _NO_CARE.issuperset(row.actions):
            return
        approved = row.reviewed or self._words("wording_not_reviewed")
        task = self._add(
            "Task",
            f"recommendation/{number}",
            "followup-recommendation",
            status="requested",
            intent="proposal",
            code={"text": f"{name}: {', '.join(row.actions).replace('_', ' ')}"},
            description=f"{row.statement} ({row.source}, {row.as_of}, {row.url}; {approved})",
            **{"for": self._patient},
            reasonReference=implication,
        )
        self._tasks.append({"url": GUIDE + "recommended-action", "valueReference": task})

    # --- Traits and ancestry: the guide has no profiles for them

    def _traits(self) -> Json:
        view = traits.view(self._content, self._words)
        found = [item for item in self._content.interpretation.findings if isinstance(item, TraitFinding)]
        for finding, card in zip(found, view.cards, strict=True):
            self._results.append(
                self._observation(
                    f"trait/{finding.trait}",
                    None,
                    {"text": card.name},
                    valueString=f"{card.headline} ({card.likelihood})",
                    note=[{"text": text} for text in (card.who_was_studied, card.limits)],
                    component=[
                        {"code": coded(codes.DBSNP, variant), "valueString": bases}
                        for variant, bases in sorted(finding.genotype.items())
                    ],
                )
            )
        self._notes += [f"{unread.name}: {unread.reason}" for unread in view.unread]
        return {}

    def _ancestry(self) -> Json:
        for finding in self._content.interpretation.findings:
            if isinstance(finding, AncestryFinding):
                self._results.append(
                    self._observation(
                        "ancestry",
                        None,
                        {"text": self._words("title.ancestry")},
                        method={"text": finding.panel},
                        component=[part for share in finding.components for part in _share(share)],
                    )
                )
        return {}


def _share(share: RegionShare) -> list[Json]:
    """Share of one region and its 95 % interval, in percent."""
    low, value, high = (
        {"value": round(100 * each, 1), "unit": "%", "system": codes.UCUM, "code": "%"}
        for each in (share.low, share.share, share.high)
    )
    name = share.region.value
    return [
        {"code": {"text": name}, "valueQuantity": value},
        {"code": {"text": f"{name}, 95 % interval"}, "valueRange": {"low": low, "high": high}},
    ]


def collected(bundles: Sequence[bytes]) -> bytes:
    """Bundles of several results as one, which holds each of them as it is."""
    entries = [{"resource": json.loads(each)} for each in bundles]
    whole = {"resourceType": "Bundle", "type": "collection"} | ({"entry": entries} if entries else {})
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
