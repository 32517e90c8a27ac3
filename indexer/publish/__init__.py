"""Publishing: a collection on a vector database, to be searched by many.

address.py        milvus://host:19530/name: where it is published, and under which name
milvus_server.py  the connection to Milvus, its errors as sentences, the names of what lies there
namings.py        labels and taxa as a small catalog: what a search needs to understand names
facts.py          the namings, and the facts of the collection, as one file in Milvus
milvus.py         the images in Milvus, verified before the public name leads to them
recall.py         the recall of a published collection against the exact local answer
"""
