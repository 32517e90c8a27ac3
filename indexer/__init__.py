"""Everything that is written: readers of inputs, the run over them, the collection on disk.

inputs/    one picture on its way in: its record, its bytes, its pixels, its status
tables/    tables as people write them: encoding, dialect, columns, rows
readers/   kinds of source, one a file
labels/    folder names and label files, and their meaning in a taxonomy
taxonomy/  taxonomies: import, intervals, names, the resolver
store/     the files of a collection: complete or absent, listed in the manifest
catalog/   tables that DuckDB derives from the files; a snapshot of one generation
backends/  the nearest vectors: exact, or by lists of short codes
ingest/    work that changes a collection: run, remove, relocate, optimize, identifications
executors/  where pictures are embedded: here, on Ray, on Slurm
exports/   images handed on to other programs, one format a file
publish/   a collection on a vector database, verified before its name leads there
"""
