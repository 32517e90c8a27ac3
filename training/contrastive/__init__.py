"""Contrastive training of image and text towers: the BioCLIP recipe.

train.py            the loop, read from top to bottom
recipe.py           every setting of a run, its defaults those of BioCLIP
shards.py           webdataset shards: written, and read by place
prepare.py          shards from a collection, a table or an archive, evaluation images left out
batches.py          which samples, crops and text types a step has
gradients.py        loss and gradients of one step, over ranks and micro-batches
trained_weights.py  which weights are trained: all, the last blocks, low-rank updates
nearest_names.py    pictures compared with names; a few shown as training goes
events.py           TensorBoard events
gain.py             whether a fine-tuned network beats its start on held-out pictures
run_folder.py       checkpoint, curves, and the best network as an encoder
slurm.py            the job script of a cluster
drawn.py            drawn organisms whose looks follow their tree, for small runs
"""
