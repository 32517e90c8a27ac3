"""Published collections (`indexer.publish`): what a search of them takes.

images.py       images in Milvus: the nearest under a filter, the surest, one by its id
retrieval.py    the hits of a query, labelled images first, as `search.retrieval` finds them
"""
