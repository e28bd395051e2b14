"""How a gene's call is written, in every version of the medicines report and wherever else one is shown."""

from __future__ import annotations

from interpreters.findings import PharmacogenomicFinding
from report_templates.wording import Words


def call_label(finding: PharmacogenomicFinding, words: Words) -> str:
    """The diplotypes or alleles called, or how much was read where that is all that may be said; empty without a call.

    A gene of which too few positions were read, and no variant was found, is never written as a bare `*1/*1`.
    """
    if not finding.may_name_diplotype:
        return words("medicines.none_found", read=finding.positions_read, total=finding.positions_total)
    return words("medicines.or").join(finding.diplotypes) or ", ".join(finding.haplotypes)
