"""Questions and answers: what can be asked of a collection, as values, never files.

collection.py     a collection, and all that it can be asked
curation.py       a collection to be curated: audits, suggestions, sequences
optimize.py       a collection optimized, and a classifier fitted to its labels
publish.py        a collection published, to be searched by many
published/        what a search of a published collection takes
served/           servers of published collections, one a file
opened.py         its snapshot, names, encoder and vectors
adapt/            a map learnt from labels, by which pictures find more of their species
browse/           looking through: pages of images, facets, completion, taxa with counts
query/            the question: understood once, its vector and its conditions
ranking/          the nearest rows: planned, found, diversified
counts.py         how many of something are asked for
ranked_rows.py    the rows that answer a query, best first: labelled, then identified, then similar
retrieval.py      a query's hits: these rows, and what the catalog says of them
answers.py        the base of every answer: a typed sequence with its table
sequence_counts.py  taxa by sequence of photographs
hits.py           one hit, and all of an answer
hit_facts.py      what the catalog says of the images of an answer
taxonomies.py     taxonomies as a caller uses them
taxonomy_rows.py  names and taxa of a taxonomy, as rows
classify/         images classified by a reference set of labelled specimens
zero_shot/        every taxon's probability for an image
identify/         one answer for each photograph, as deep as the evidence supports; morphospecies
label/            labels from a few examples, and a person's own
audit/            likely wrong labels, duplicates, outliers; images to label next
identification_choices.py  candidates of identify, with or without a collection
statuses.py       what became of each input
images_table.py   every image as one table
summary.py        what a collection holds, in numbers
text_table.py     rows as aligned text
plots.py          reliability and confusion as pictures
html.py           answers as tables with pictures, for notebooks
"""
