"""Ranking: the rows nearest to a vector, found as planned and diversified as asked.

plan.py        exact comparison or lists of the index, and why
nearest.py     the k nearest rows of a selection
diversify.py   near-duplicates and repeats of a group, dropped
neighbours.py  the nearest images of every image, streamed
"""
