"""The HTTP interface: handlers of a few lines that check the role, open a transaction and call one function."""
