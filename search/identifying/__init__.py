"""Identifying: one answer for each photograph, as deep as it is sure.

identifier.py   photographs in, answers out
preparing.py    what votes, what names there are, and the texts these take
choosing.py     which taxa may be an answer, and how likely each is beforehand
photographs.py  what is to be identified, read and embedded in batches
judging.py      the best lineage by votes and zero-shot
votes.py        what the labelled specimens say
teaching.py     how much to believe votes and zero-shot, learnt from the specimens
certainty.py    how sure an answer is to be right, rank by rank
reliability.py  how often answers are right, by how sure they are
lineages.py     the clades of the taxa that specimens are labelled with
identifications.py  the answers, as values
classifying.py  labels of one's own, by their look alone
name_lists.py   labels, checklists, bins and subsets in files
"""
