"""Taxa, their texts, and the encoders that embed images and texts into one space.

taxon.py              Rank, Taxon and the cleaning of raw names
text_types.py         a taxon as BioCLIP's ten strings, and the prompts of a query
encoder.py            the Encoder seam, and loading by spec
vectors.py            vectors, and what makes two of them comparable
clip_encoder.py       the one encoder class: preprocessing, tokens and a runtime
preprocessing.py      from a picture to the pixels that an encoder declares
tokens.py             from texts to CLIP's tokens
runtimes/             what computes the two towers, one file each
compiled.py           encoders kept on disk, to be opened without torch
kept_files.py         whether files of a cache are as they were written
open_clip_models.py   encoders out of open_clip: hub, folder, checkpoint
encoders/             encoders by name, one file each
starter/              weights, configuration and model card of the starter encoder
once.py               properties that threads share, made when first needed
quiet.py              libraries that log nothing while they work for us
specs.py              the fingerprint that a spec loaded last
plugins.py            look-up by file name
shared_prefixes.py    many texts at once, in which each beginning is computed once
progress.py           reports of long work to a callback
sizes.py              sizes and durations in words
times.py              moments as they are written down
errors.py             every error that is raised on purpose
"""
