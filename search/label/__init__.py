"""Few-shot labels: a few examples, and all other images get labels.

labelling.py     labels for images, each with its confidence and its evidence
examples.py      which images are examples of which class
human_labels.py  which images a person labelled, and which labels state a doubt
review.py        labels that a person gives, and takes back
label_sets.py    labels of which one is right, and the taxon that they share
learner.py       what examples teach, judged by those that are left out
"""
