"""Questions and answers: what can be asked of a collection, as values, never files.

collection.py  a collection opened for searching
queries.py     what can be asked: each question as a vector and the rows that may answer it
names.py       which clades of the collection a name means
naming.py      names and taxa of a taxonomy, as rows
filters.py     which images may answer at all: clades, rank, SQL over metadata
hits.py        the answer
summary.py     what a collection holds, in numbers
"""
