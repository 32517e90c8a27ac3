"""Evaluation: one table of figures for several encoders on the same labelled images.

evaluate.py         `taxalens.evaluate`: every family of measures, every encoder
figures.py          a figure with its interval, and the table of them
intervals.py        95 % bootstrap intervals
labelled_images.py  labelled images of a collection, a table or a folder, embedded once an encoder
class_names.py      class strings of a text type, and the templates of zero-shot ensembles
zero_shot.py        top-1 and top-5 by class names
few_shot.py         SimpleShot, k-NN and probe by a few examples of each class
retrieval.py        mAP, P@1 and recall@k, by names and by pictures, at every rank
marked_queries.py   AP@50 and nDCG@50 of free-text queries with marked answers
calibration.py      expected calibration error of zero-shot, before and after
open_set.py         AUROC of known against unknown species
intrinsic.py        whether distances follow the tree of life
tree_picture.py     the same as a picture: images in a plane, clade by clade
tasks.py            the tasks of BioCLIP's evaluation by name: labels, sources and terms
task_table.py       these tasks evaluated, and the model card's table of results
published.py        the published figures of that table
"""
