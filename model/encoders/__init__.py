"""Encoders by name: `taxalens index --encoder NAME` loads the file of that name from here.

A file has one function, `load(runtime: str = AUTO) -> Encoder` (see `model/runtimes`), and a
docstring that says what the encoder is.
"""
