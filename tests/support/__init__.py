"""What tests share: where the real genomes are, builders of genotype calls, servers."""
