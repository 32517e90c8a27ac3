"""The files of a collection.

manifest.py          the files that are one generation; commits
segment.py           the tables of a collection, and a segment in the making
durable.py           files that are complete or absent
aside.py             files of the user's, made beside their place
derived.py           arrays that took long to compute, kept under the digest of their origin
journal_file.py      acts of people that no commit has yet, a line each behind its digest
backup.py            a copy of a collection, brought up to date
part_folders.py      parts of a run that other machines embed
leftovers.py         files of writers that died, removed
writer_lock.py       the one writer of a collection, and the roots that it reads
encoder_identity.py  keeps vectors of two encoders apart
database.py          DuckDB files opened read-only and locked down
"""
