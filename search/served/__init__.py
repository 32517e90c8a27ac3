"""Servers of published collections: milvus.py opens what an address milvus://… leads to."""
