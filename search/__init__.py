"""Questions and answers: what can be asked of a collection, as values, never files.

collection.py  a collection, and all that it can be asked
opened.py      its snapshot, names, encoder and vectors
queries.py     what can be asked: each question as a vector and conditions
names.py       which clades of the collection a name means
naming.py      names and taxa of a taxonomy, as rows
filters.py     which images may answer at all: clades, rank, SQL over metadata
when_and_where.py  conditions on date and place
conditions.py  conditions, and the rows of which they hold
mixing.py      more of this, less of that
answering.py   one question answered: labelled first, then alike, told as hits
plan.py        in which way the nearest are looked for, and why
nearest.py     the rows nearest to a vector
thinning.py    of hits that say the same only the best
answers.py     the base of every answer: a typed sequence with its table
hits.py        the answer
neighbours.py  the nearest of every image, streamed
zero_shot/     every taxon's probability for an image
identifying/   one answer for each photograph, as deep as it is sure
labelling/     a few examples, and the rest gets labels
auditing/      what is likely wrong, and what to label next
summary.py     what a collection holds, in numbers
text_table.py  rows as aligned text
html.py        answers as tables with pictures, for notebooks
"""
