"""Labels: as they were said, and their meaning.

label_columns.py     the taxon that the columns of a table state
written_names.py     the name that several cells write together
label_files.py       labels from folder names and label files
label_resolution.py  the taxa that labels mean in a taxonomy
stated_lineages.py   lineages in columns that contradict the species
"""
