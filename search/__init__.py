"""Questions and answers: what can be asked of a collection, as values, never files.

collection.py  a collection opened for searching
queries.py     what can be asked: each question as a vector and conditions
conditions.py  conditions, and the rows of which they hold
answering.py   one question answered: labelled first, then alike, told as hits
mixing.py      more of this, less of that
thinning.py    of hits that say the same only the best
neighbours.py  the nearest of every image, streamed
nearest.py     the rows nearest to a vector
plan.py        in which way they are looked for, and why
names.py       which clades of the collection a name means
naming.py      names and taxa of a taxonomy, as rows
filters.py     which images may answer at all: clades, rank, SQL over metadata
when_and_where.py  conditions on date and place
hits.py        the answer
zero_shot.py   images against all taxa: probabilities of the best, and of their clades
candidates.py  the taxa that may be an answer, and their clades
products.py    tiles of logits, in float32 or bfloat16
roll_up.py     sums of probabilities by clade
top.py         the best of very many
summary.py     what a collection holds, in numbers
"""
