"""Formats that a collection is handed on in, one a file.

A file has `NOUN`, what it writes in words; `SUFFIX`, the ending that says so for certain, "" for
none; and `write(images, target, account) -> Iterator[None]`, which writes what is not there yet,
yields after every batch, and notes in the account what was written and what was not. Beside
`target` is room for whatever it needs on the way. It raises BadInput where an image cannot be told
in its form for lack of something that the form demands, and no other can.
"""
