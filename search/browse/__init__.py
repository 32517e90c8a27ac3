"""Looking through a collection without a query: pages of images, counts, names as they are typed.

gallery.py      all of it as methods of a collection
order.py        all images in an order, kept: by taxon for counts of clades
listing.py      pages of images: newest, in the order of taxa, at random
chosen.py       a selection as a condition in SQL
facets.py       the values of each column with their counts, and a value as a condition
completion.py   names and labels that begin as one types, with the number of their images
children.py     the taxa below a taxon, each with the number of its images
space.py        images as points of a plane, and those inside a lasso
colours.py      groups of images, each to be drawn in one colour
time_and_place.py  images by year, by day of the year and by place
"""
