"""Questions and answers: what can be asked of a collection, as values, never files.

collection.py  a collection opened for searching
queries.py     what can be asked: each question as a vector and conditions
conditions.py  conditions, and the rows of which they hold
answering.py   one question answered: labelled first, then alike, told as hits
mixing.py      more of this, less of that
thinning.py    of hits that say the same only the best
neighbours.py  the nearest of every image, streamed
classes.py     what images are labelled, as numbers
alike.py       what lies near each of them: duplicates, outliers
doubts.py      how much likelier another label is
findings.py    what an audit found
auditing.py    likely wrong labels, duplicates and outliers
suggesting.py  which images to label next
nearest.py     the rows nearest to a vector
plan.py        in which way they are looked for, and why
names.py       which clades of the collection a name means
naming.py      names and taxa of a taxonomy, as rows
filters.py     which images may answer at all: clades, rank, SQL over metadata
when_and_where.py  conditions on date and place
hits.py        the answer
html.py        answers as tables with pictures, for notebooks
labelling.py  few-shot labels for images, each with its confidence and its evidence
learning.py   what is learned from examples for that
examples.py   which images are examples of what
classifiers/  how classes are learned from examples, one method a file
leave_one_out.py  how well, on examples left out
calibration.py  how sure an answer is
zero_shot.py   images against all taxa: probabilities of the best, and of their clades
candidates.py  the taxa that may be an answer, and their clades
products.py    tiles of logits, in float32 or bfloat16
roll_up.py     sums of probabilities by clade
top.py         the best of very many
summary.py     what a collection holds, in numbers
identifying.py  photographs in, one answer for each as deep as it is sure
preparing.py   what votes, what names there are, and the texts these take
choosing.py    which taxa may be an answer, and how likely each is beforehand
photographs.py  what is to be identified, read and embedded in batches
judging.py     the best lineage by votes and zero-shot
votes.py       what the labelled specimens say
teaching.py    how much to believe votes and zero-shot, learnt from the specimens
certainty.py   how sure an answer is to be right, rank by rank
lineages.py    the clades of the taxa that specimens are labelled with
identifications.py  the answers, as values
classifying.py  labels of one's own, by their look alone
name_lists.py  labels, checklists, bins and subsets in files
"""
