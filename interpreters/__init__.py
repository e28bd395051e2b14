"""Genotypes to findings: four pure interpreters behind one contract.

Nothing here reads a file of a participant, a database or a setting. `genotypes` holds what goes in, `findings` what
comes out, `interpreter` the contract; `registry` finds the installed interpreters, `knowledge` loads their versioned
data, `serial` writes and reads findings as JSON.
"""
