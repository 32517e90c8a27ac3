"""Auditing: labels that are likely wrong, duplicates, outliers, and images to label next.

audit.py            likely wrong labels, duplicates and outliers, worst first
findings.py         the findings of an audit, as values
label_classes.py    the labels of images as classes of a tree
label_errors.py     how much likelier another label is than an image's own
near_duplicates.py  the nearest others of each image: what looks the same, outliers
copy_candidates.py  pairs that may be copies, by perceptual hash and by vector
picture_comparison.py  two pictures compared pixel by pixel, also mirrored and cropped
copies.py           originals, their copies, and how each was changed
suggestions.py      images to label next
cohorts.py          all of these as images to review together
"""
