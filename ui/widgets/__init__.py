"""Parts that pages share, one a file.

opened.py       the collection that a page shows, opened once for all sessions
address.py      the state of a page, kept in its address
text.py         foreign text as Markdown that shows it as it is
query_bar.py    the one box: names as they are typed, texts, pictures
filter_bar.py   clade, rank, date, place, who said it, columns with counts
selection.py    the selected images: label them, list them, export them
lightbox.py     one image with all that is known of it
lineage.py      a lineage as a ladder, with the confidence of each rung
"""
