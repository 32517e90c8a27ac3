"""The demo: where its photographs come from, and what they show.

photos.py   obtains the photographs: a Debian package, or one from PyPI where there is no apt
photos.csv  what each photograph shows; facts written by us, the pictures are not part of taxalens
"""
