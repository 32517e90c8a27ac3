"""The HTTP server: of the page and of the API, on this machine only unless a token guards it.

page.py        Streamlit's page beside our routes, and Streamlit's settings
alone.py       our routes without the page; who may ask from elsewhere
routes.py      every route that is ours
guard.py       refuses foreign requests by Host, Origin and token
limits.py      refuses requests that come too often or bring too much
current.py     the current generation of the collection, opened once for all threads
operations.py  a question: described once, for HTTP and assistants
parameters.py  what a question takes: read strictly, described in JSON Schema
questions.py   search, identify, complete, taxon, image, health
identifying.py pictures that are sent, identified; what is fitted is kept
api.py         questions as routes below /api
openapi.py     their document
pictures.py    thumbnails and originals, by image id
assistants.py  questions as tools: the Model Context Protocol
problems.py    every error as problem+json (RFC 9457)
ports.py       whether a port is free
"""
