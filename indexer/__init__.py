"""Everything that is written: readers of inputs, the run over them, the collection on disk.

run.py        one run over a source: what is new, what is labelled anew
news.py       how a source differs from what is known of it
run_encoder.py  the run's encoder, loaded when it is first needed
run_log.py    what each run read, with what, and how it ended
writing.py    the one writer of a collection, and the roots that it reads
optimize.py   a collection rewritten in the order of its taxa
index_file.py the index of a collection: made, measured, opened
tuning.py     how much a search must look at to find .99 of the truth
maintenance.py  inputs taken out, roots that were moved
readers/      inputs, one kind of source a file
records.py    what a reader yields
status.py     what can become of an input
labels.py     folder names and label files, understood as taxa
fetching.py   downloads what is named by URL, from public addresses alone
opening.py    reads or fetches, hashes and decodes ahead of the encoder
extra_formats.py  HEIC and raw files, where their extras are installed
decoding.py   bytes to RGB pixels, with limits
pipeline.py   embeds and commits, segment by segment
thumbnails.py small pictures of what is no file of its own
contents.py   which contents are embedded already
identity.py   keeps vectors of two encoders apart
segment.py    the tables of a collection, and a segment in the making
manifest.py   which files are the collection; commits
durable.py    files that are complete or absent
identifications.py  what machines say that images show, beside what people say
meanings.py   what labels mean in a taxonomy
taxonomy/     taxonomies: import, intervals, names, the resolver
catalog.py    what DuckDB derives from the tables
catalog_tables.py  its tables, brought up to date
catalog_taxa.py  the taxa in it
text_matrix.py  vectors of texts by the hundred thousand, kept
typed_metadata.py  metadata as typed columns, for SQL
database.py   DuckDB files opened so that nothing can be done to them
snapshot.py   one generation, opened for reading
backends/     index back ends
images.py     images as they are handed on, all that is known of each
flat.py       one line an image
exports/      formats that a collection is handed on in, one a file
spreadsheets.py  CSV that no spreadsheet runs
archive_text.py  the text files of a Darwin Core Archive
camtrap/      Camtrap DP: its tables, rows and package
"""
