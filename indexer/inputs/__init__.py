"""One picture on its way in.

records.py            the record that a reader yields
paths.py              paths out of data stay in the folder that was indexed
status.py             each outcome that an input can have
fetching.py           downloads from public addresses alone
decoding.py           bytes to RGB pixels, with limits
prepared.py           what a run keeps of a picture: small, as its encoder looks at it, hashed
decoders.py           processes that prepare pictures, and may crash
decoder_process.py    one of them
pixels.py             upright RGB, whatever the depth and the size
extra_formats.py      HEIC and raw files, where their extras are installed
perceptual_hash.py    63 bits by which copies of a picture are found
thumbnails.py         small pictures of inputs that are not local files
spreadsheet_cells.py  cells that no spreadsheet runs as a formula
"""
