"""Work that changes a collection.

indexing.py         index, add, update and retry, as a caller starts them
run.py              one run over a source: new inputs are embedded, changed labels written
label_report.py     how the labels were understood, in lines
changes.py          the difference between a source and the collection
prefetch.py         reads, fetches and decodes ahead of the encoder
missing_hashes.py   perceptual hashes of what was indexed before there were any
contents.py         contents that are embedded already
embedding.py        records to vectors in one process: a run, or a worker of it
pipeline.py         what becomes of inputs, committed segment by segment
engines.py          the driver of a run whose parts other processes embed
jobs.py             the parts of a run that are to be embedded, as a file
part_files.py       what a worker embedded of a part, as a file
worker.py           embeds parts on another machine
run_encoder.py      the run's encoder, loaded when first needed
run_log.py          a log of each run: source, versions, counts
remove_relocate.py  inputs taken out, roots that were moved
verify.py           every file of a collection compared with what was written
changed_pictures.py  photographs that are no longer as they were indexed
damage.py           a file that is not as it was written
repair.py           a damaged collection made whole again
identifications.py  machines' labels, beside people's
journal.py          a person's labels, each on disk at once, committed together
rewritten.py        rewritten tables compared with the files that they came from
optimize.py         the collection rewritten in the order of its taxa, with an index
"""
