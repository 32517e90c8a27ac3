"""Exports: images handed on to other programs.

formats/                 one format a file
export.py                writes a format's file whole, or not at all
account.py               images, lines and omissions, counted
image_rows.py            everything known of each image, a few thousand at a time
flat_rows.py             one flat line an image
archive_text.py          the text files of a Darwin Core Archive
camtrap/                 Camtrap DP: its tables, rows and package
darwin_core_columns.py   columns of metadata as terms of Darwin Core
event_dates.py           which text is a date
sequences.py             photographs of one camera, close together in time
"""
