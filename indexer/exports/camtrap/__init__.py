"""Camtrap DP 1.0, the standard in which camera-trap data change hands.

tables.py    its tables, as the Table Schemas (JSON) beside it say
rows.py      an image as a photograph of a deployment and what is observed in it
package.py   what datapackage.json says of the whole
"""
