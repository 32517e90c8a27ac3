"""Classifying by a reference set: labelled specimens answer for images that nobody labelled.

reference_set.py   labelled specimens: vectors, classes, and their places in the tree of taxa
taxon_tree.py      classes as columns of a tree: the clade of each at the seven ranks
whitening.py       the space in which specimens of one class differ alike in every direction
classifiers/       scores of classes by one method a file: k-NN, centroids, a linear probe
votes.py           soft votes of specimens and centroids in the whitened space
leave_one_out.py   specimens in folds, each scored by the others alone
predictions.py     votes and the zero-shot prior fused, rank by rank
calibration.py     Platt scaling: from scores to the probability that an answer is right
backoff.py         the deepest rank at which an answer is sure enough
novelty.py         how probably the species of an image is not labelled
novelty_fitting.py learns that from species that are left out whole
grouping.py        groups of images that look alike, cut where one species ends
conformal.py       sets of classes that hold the right one in a share of cases
reliability.py     how often answers are right, by confidence
fitting.py         all of it fitted to a reference set
kept_arrays.py     what is fitted as arrays, and back
"""
