"""The map of a collection: learnt from its labels, kept where it makes pictures find better.

adapt.py          a map learnt, measured, and kept if it gains
fitting.py        how much it whitens, chosen by what is left out
kept.py           the file that a collection keeps, as long as its labels stay
The map itself, and how it orders hits: `search/ranking/adaptation.py`
"""
