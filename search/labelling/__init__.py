"""Labelling: a few examples, and the rest gets labels.

few_shot.py     labels for images, each with its confidence and its evidence
examples.py     which images are examples of what
learning.py     what is learned from them
classifiers/    how classes are learned from examples, one method a file
leave_one_out.py  how well, on examples left out
calibration.py  what a score is worth, and conformal sets
"""
