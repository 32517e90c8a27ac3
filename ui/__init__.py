"""What people use: the command line and the page; no algorithms.

cli.py            the command `taxalens`
commands/         its sub-commands, one file each; a folder is one that has sub-commands
command_group.py  finds them by file name, turns errors into sentences
options.py        options that several of them share
answers.py        shows hits, copies their files
identifying.py    identifications, each as it is made
labelling.py      few-shot labels: what was learned, then the labels
running.py        runs over sources: their outcome, and Ctrl-C
progress_bars.py  progress of long work on stderr, its cost first
safe_streams.py   keeps escape sequences out of messages
tables.py         rows of a schema as text, CSV, JSON or Parquet
contact_sheet.py  hits as one picture
demo/             the demo's photographs and tour
app.py            the Streamlit app
server/           the HTTP server, of the page and of the API
views/            its pages, one file each
widgets/          parts that pages share, one file each
wall/             many pictures to look at, select and label
"""
