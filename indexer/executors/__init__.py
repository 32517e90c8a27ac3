"""Executors: where the pictures of a run are embedded, one kind of place a file.

here.py   in this process
ray.py    on a Ray cluster
slurm.py  in a job array of Slurm

`taxalens index --on NAME` loads the file of that name. A file has `check(on)`, which raises Error
where it cannot work, and `batches(work, records) -> Generator[list[Opened]]`, which yields the
inputs of a run embedded, in the order of the records: `records()` reads them, the same each time.
Only the process that calls it writes the collection. An engine of other machines embeds parts of a
run into files (`indexer/ingest/part_files.py`): a part is a pure function of its records and the
encoder, under a name that derives from both, put in place by a rename; so any engine may run it
twice, at once or after a crash.
"""
