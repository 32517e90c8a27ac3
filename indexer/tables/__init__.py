"""Tables as people write them: every table that enters is opened and read here.

table.py      opens a table of any kind: its columns, its rows, and what is wrong with a row
delimited.py  rows of delimited text (CSV, TSV, …), read by the standard and checked row by row
dialect.py    the header of a text decides delimiter, quotes and column names
encodings.py  the encoding of a text, from all of its bytes
sheets.py     rows of spreadsheets (.xlsx, .ods, .xls)
parquet.py    rows of Parquet
columns.py    the columns that are known, however they are written; words for nothing
darwin_core_terms.py  the terms of Darwin Core, in any spelling (darwin_core_terms.csv)
"""
