"""A query: the words, pictures and filters of a question, understood once.

understanding.py      understand(…) → TaxonQuery | LabelQuery | TextQuery | ImageQuery | RowQuery
embedded_queries.py   many names and texts with their vectors
names.py              the one look-up of a name: clades, labels, or a suggestion
pictures.py           an image= argument: path, bytes, PIL image, array or vector
vector_arithmetic.py  a query plus this, minus that
filters.py            clades, rank, SQL, date and place as one condition
dates_and_places.py   conditions on Darwin Core's date and coordinates
conditions.py         SQL conditions, and the rows for which they hold
taxon_counts.py       how many images bear each taxon, and between which rows
"""
