"""Readers of inputs: each file turns one kind of place into records.

A file has one function, `read(location, labels) -> Iterator[Record]`, with stable, unique ids.
"""
