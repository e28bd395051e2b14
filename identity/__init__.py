"""Whose DNA is it: genotype fingerprints of samples, and what two of them say of the people behind them. Pure."""
