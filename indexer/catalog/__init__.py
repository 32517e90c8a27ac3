"""The catalog: tables that DuckDB derives from a collection's files.

catalog_file.py    the catalog of a generation, written and opened
whole.py           whether a catalog is whole
tables.py          its tables, brought up to date
taxa.py            the taxa in it
typed_metadata.py  metadata as typed columns, for SQL
snapshot.py        one generation, opened for reading
sensitive_places.py  where threatened species are: to a tenth of a degree
"""
