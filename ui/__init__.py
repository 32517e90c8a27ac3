"""What people use: the command line and the page; no algorithms.

cli.py            the command `taxalens`
commands/         its sub-commands, one file each
options.py        options that several of them share
indexing.py       indexing with its cost and progress shown
answers.py        shows hits, copies their files
tables.py         rows as text, CSV, JSON or Parquet
contact_sheet.py  hits as one picture
demo/             the demo's photographs and tour
app.py            the Streamlit app
views/            its pages, one file each
"""
