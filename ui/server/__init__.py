"""The HTTP server: of the page and of the API, on this machine only unless a token guards it.

page.py      Streamlit's page and our routes in one process, and Streamlit's settings
routes.py    every route that is ours
guard.py     refuses requests under a foreign Host or Origin before anything else sees them
current.py   the current generation of the collection, opened once for all threads
pictures.py  thumbnails and originals, by image id
problems.py  every error as problem+json (RFC 9457)
"""
