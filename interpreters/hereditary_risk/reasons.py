"""Every reason code and flag in a plain sentence for staff. Awaiting clinical review."""

from __future__ import annotations

REASONS = {
    # Candidates
    "plp_ge2star_dominant": "A pathogenic variant with two review stars or more, in a gene where one copy is enough.",
    "homozygous_recessive": "A pathogenic variant on both copies of a gene that needs two.",
    "compound_het_in_trans": "Two pathogenic variants on different copies of a gene that needs two.",
    "compound_het_phase_unknown": "Two pathogenic variants in a gene that needs two; whether they lie on different "
    "copies is not known and must be shown by testing parents or by long reads.",
    "xl_hemizygous_male": "A pathogenic variant on the only X chromosome of a man.",
    "xl_heterozygous_female": "A pathogenic variant on one X chromosome of a woman, in a gene where that is enough.",
    "xl_homozygous_female": "A pathogenic variant on both X chromosomes of a woman.",
    "hfe_c282y_homozygous": "HFE p.Cys282Tyr on both copies, the one HFE result that is returned.",
    # Facts established on the way
    "clinvar_plp": "ClinVar classifies the variant as pathogenic or likely pathogenic.",
    "clinvar_expert_panel": "The classification is that of an expert panel or a practice guideline.",
    "loss_of_function": "The variant is expected to stop the gene's product: frameshift, stop or splice site.",
    "start_lost": "The variant changes the start codon.",
    "quality_passed": "Depth, genotype quality, allele balance and filter passed.",
    # Not reportable
    "gene_not_on_active_list": "The gene is not on the version of the list that is in use.",
    "array_rare_variant": "Genotyping arrays are wrong more often than right about rare variants; nothing is returned.",
    "hfe_not_c282y_homozygous": "In HFE only p.Cys282Tyr on both copies is returned; this is another genotype.",
    "excluded_variant_list": "This variant causes another condition than the listed one and is excluded by name.",
    "low_penetrance_excluded": "This variant raises risk only a little and is excluded by name.",
    "outside_reportable_transcript_exons": "The variant lies outside the exons of the transcript that counts.",
    "not_in_clinvar": "ClinVar has no record of the variant, and it does not look like loss of function.",
    "mechanism_excluded": "This kind of change in this gene does not cause the listed condition.",
    "haplotype_classification_only": "ClinVar classifies the variant only together with others on the same copy.",
    "conflicting_without_plp": "Submitters disagree, and none says pathogenic or likely pathogenic.",
    "vus": "ClinVar classifies the variant as of uncertain significance.",
    "benign": "ClinVar classifies the variant as benign or likely benign.",
    "other_classification": "ClinVar gives no classification that could be returned.",
    "ttn_not_truncating": "In TTN only truncating variants are returned.",
    "single_het_recessive": "One variant in a gene that needs two: a carrier at most, which is another product.",
    "xl_single_het_female_not_reportable": "One variant in a woman, in an X-linked gene that needs two in women.",
    "known_cis": "Both variants lie on the same copy, so that the other copy is intact.",
    # Review
    "hfe_array_needs_confirmation": "HFE p.Cys282Tyr on both copies by array: confirm by another method.",
    "reference_disagrees": "The file's reference allele is not the base of the reference genome there: another build, "
    "or a damaged file.",
    "unnormalised_indel": "The insertion or deletion can be written in several ways, and the reference bases known "
    "here do not settle whether ClinVar has it.",
    "novel_lof": "ClinVar lacks the variant, which looks like loss of function where that causes the condition.",
    "lof_mechanism_proposal": "Loss of function is not, or not surely, how this gene causes the listed condition.",
    "mechanism_conflicts_with_expert_panel": "An expert panel names the listed condition, but the gene rule excludes "
    "this kind of change.",
    "ttn_psi_unknown": "A truncating TTN variant outside the exons that nearly all heart transcripts contain.",
    "consequence_not_covered": "Neither of the kind that the gene rule returns nor of the kind that it excludes.",
    "consequence_not_given": "ClinVar does not say what the variant does, and the gene rule depends on it.",
    "condition_evidence_needed": "Whether this variant causes the listed heart condition must be read from the cases.",
    "outside_kinase_domain": "The variant lies outside the kinase domain, where the mechanism is not settled.",
    "apc_promoter_1b": "The variant lies in APC promoter 1B: polyposis or the gastric form must be told apart.",
    "condition_not_documented": "ClinVar does not name the listed condition for this variant.",
    "low_penetrance_term": "ClinVar calls the variant a risk allele or of low penetrance as well.",
    "somatic_origin_only": "ClinVar knows the variant from tumours only.",
    "af_too_high": "The variant is more common than the condition allows.",
    "segdup_region": "Short reads cannot tell this part of the gene from its copy elsewhere.",
    "conflicting_with_plp": "Submitters disagree, and at least one says pathogenic or likely pathogenic.",
    "one_star": "Only one review star.",
    "zero_star": "No review star: no criteria were given.",
    "second_allele_below_star_threshold": "Two variants in a gene that needs two, but not both pass by themselves.",
    "sex_unknown_x_linked": "An X-linked gene, and the sex at birth is not known.",
    "male_heterozygous_x": "Two different X alleles in a man: an extra X, a mosaic, or an artefact.",
    "female_hemizygous_x": "A single X allele in a woman: the call or the declared sex needs a look.",
    "cnv_requires_orthogonal_method": "A copy-number or structural call; the validated method does not cover these.",
    "allele_not_specified": "The file calls a variant here without saying which.",
    "codon_neighbour_unphased": "Another variant lies in the same codon; on one copy they would be a different change.",
    "codon_combination_not_classified": "Two variants on one copy make one change in a codon, which ClinVar lacks, "
    "though it has one of them.",
    # Genotype quality
    "filter_not_pass": "The laboratory's filter flagged the call.",
    "genotype_incomplete": "The genotype is incomplete or has an unexpected number of copies.",
    "quality_not_given": "The file gives no depth, genotype quality or allele depths for the call.",
    "depth_low": "Fewer reads than required.",
    "genotype_quality_low": "Genotype quality below the threshold.",
    "allele_balance_low": "Too few reads carry the variant: mosaic, clonal blood cells, or an artefact.",
    "allele_balance_high": "Too many reads carry the variant for one copy.",
    "allele_balance_homozygous": "Too few reads carry the variant for both copies.",
    "mosaic_or_clonal": "So few reads carry the variant that it may lie in a part of the blood cells only.",
    "duplicate_conflict": "The file holds records of this variant that disagree.",
    # Flags
    "urgent_two_copies": "Two variants or both copies in a gene where one is enough: graver disease, handle first.",
    "second_allele_for_review": "Another variant of the same gene is for review: it may make the disease graver.",
    "phase_unknown": "Whether the two variants lie on different copies is not known.",
    "processed_pseudogene": "A processed copy of the gene lies elsewhere; look at the alignments.",
    "low_mappability": "Repeated sequence; look at the alignments.",
    "second_tissue_needed": "Blood often carries TP53 variants that are not inherited; test a second tissue.",
    "founder_allele_af_exempt": "A known founder allele: common, and pathogenic all the same.",
    "decay_escape_possible": "Near the end of the coding sequence, where the shortened product may be kept.",
    "combined_in_codon": "Put together from several records of the file.",
    # Not tested
    "array_not_used": "Genotyping arrays are not used for these genes.",
    "build_not_in_release": "The knowledge release has no data for this genome build.",
    "builds_disagree": "The genotypes are of another genome build than the sample was declared to be.",
    "file_lists_variants_only": "The file lists variants only and says nothing of the rest of the gene.",
    "read_below_threshold": "Too little of the gene was read with enough depth and quality.",
}
"""Reason code or flag to its sentence."""


def explain(code: str) -> str:
    """The sentence of a reason code or flag; the code itself where the programme's rules added one of their own."""
    return REASONS.get(code, code)
