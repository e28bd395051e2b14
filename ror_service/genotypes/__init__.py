"""The genotype store: what interpreters need of a sample, compact, so that new knowledge needs no file read again."""
