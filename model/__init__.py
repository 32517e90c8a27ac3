"""Taxa, their texts, and the encoders that embed images and texts into one space.

taxon.py              Rank, Taxon and the cleaning of raw names
text_types.py         a taxon as BioCLIP's ten strings, and the prompts of a query
encoder.py            the Encoder seam, and loading by spec
vectors.py            vectors, and what makes two of them comparable
open_clip_encoder.py  the one encoder class
encoders/             encoders by name, one file each
starter/              weights, configuration and model card of the starter encoder
plugins.py            look-up by file name
errors.py             every error that is raised on purpose
"""
