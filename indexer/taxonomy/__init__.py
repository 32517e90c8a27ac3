"""Taxonomies: a source in, one DuckDB file out, and what names mean in it, offline.

sources/         readers of taxonomies, one kind a file
archive.py       folders and zip files of a source, opened safely
table.py         tables of a source as clean strings
meta_xml.py      what a Darwin Core archive says of its files
usages.py        name usages (Darwin Core, ColDP) as taxa and their other names
lineages.py      tables with rank columns as taxa
draft.py         what a reader returns: a taxonomy before it is checked
check.py         what cannot stand in a tree
tree.py          trees as intervals
tables.py        a taxonomy's tables in DuckDB
own_names.py     names of one's own
text_encoding.py  encodes the texts of a taxonomy that are missing
store.py         imported taxonomies, one file each
published_vectors.py  vectors of names that BioCLIP's releases bring
text_matrix.py   vectors of names, encoded once and kept
built_in.py      the English names that come with taxalens
name_parts.py    the parts of a name, by GBIF's parser
no_names.py      words that stand where a name would
name_strings.py  how a written name can be read
stated_names.py  names in columns that hold scientific names
respelling.py    how names differ by the codes of nomenclature
resolver.py      what a name means, decided
suggest.py       what a name resembles, suggested
"""
