"""Identifying: one answer for each photograph, as deep as the evidence supports.

preparation.py      the reference set, the candidates, and their texts
candidate_taxa.py   which taxa may be an answer, and how likely each is beforehand
identifier.py       photographs in, answers out
photographs.py      photographs read and embedded in batches
identifications.py  the answers, as values
morphospecies.py    unlabelled images like nothing labelled, grouped under provisional names
own_labels.py       the user's own labels, by their look alone
name_lists.py       labels, checklists, bins and subsets in files
"""
