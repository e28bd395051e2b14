"""The command `ror`: one command for each job of an operator."""
