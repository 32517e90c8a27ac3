"""Auditing: what is likely wrong in a collection, and what to label next.

audit.py       likely wrong labels, duplicates and outliers
findings.py    what an audit found, as values
classes.py     what images are labelled, as numbers
doubts.py      how much likelier another label is
alike.py       what lies near each image: duplicates, outliers
suggesting.py  which images to label next
"""
