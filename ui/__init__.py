"""What people use: the command line and the page; no algorithms.

cli.py            the command `taxalens`
commands/         its sub-commands, one file each; a folder is one that has sub-commands
command_group.py  finds them by file name, turns errors into sentences
options.py        options that several of them share
taxonomies.py     which taxonomy is meant where none is named
indexing.py       indexing, updating, retrying, with cost and progress shown
identifying.py    identifying on the command line, its cost said first
choices.py        what is identified with: a collection, a taxonomy, or labels of one's own
optimizing.py     optimizing, with its bars
labelling.py      few-shot labels: what was learned, the labels, their writing
costs.py         how large and how long, in words
running.py        such runs on the command line: their outcome, and Ctrl-C
answers.py        shows hits, copies their files
tables.py         rows as text, CSV, JSON or Parquet
streams.py        the same as they come
plots.py          pictures of what was measured
contact_sheet.py  hits as one picture
demo/             the demo's photographs and tour
app.py            the Streamlit app
views/            its pages, one file each
"""
