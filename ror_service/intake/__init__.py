"""Reads, checks and gates what laboratories send: nothing else in the service touches a file from outside."""
