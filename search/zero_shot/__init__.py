"""Zero-shot: the probability of every taxon and of every clade for each image.

scoring.py     images against all candidates, in one pass
candidates.py  the taxa that may be an answer, and their clades
products.py    sums of exponentials, in float32 or bfloat16
roll_up.py     sums of probabilities by clade
top.py         the best, looked at closely
"""
