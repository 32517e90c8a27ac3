"""Zero-shot: the probability of every taxon and of every clade for each image.

candidates.py  the taxa that may be an answer, and their clades
scoring.py     the softmax of images over all candidates, summed by clade
"""
