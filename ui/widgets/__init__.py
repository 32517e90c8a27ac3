"""Parts that pages share, one a file.

address.py      the state of a page, kept in its address
text.py         foreign text as Markdown that shows it as it is
query_bar.py    the one box: names as they are typed, texts, pictures
filter_bar.py   clade, rank, date, place, who said it, columns with counts
charts.py       points, a map and bars, as ECharts describes them
brush.py        a lasso or a rectangle that is drawn on a chart, in the address
place_map.py    the map of places: a rectangle on it filters
coastlines.py   the lines of the map
name_field.py   a field for a name that the collection's names complete
person.py       who is labelling: asked once a session
selection.py    the selected images: label them, list them, export them
lightbox.py     one image with all that is known of it
jobs.py         long work in a process of its own
job_panel.py    its progress, and Cancel
lineage.py      a lineage as a ladder, with the confidence of each rung
"""
