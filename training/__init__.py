"""Training and evaluating encoders.

starter.py       trains the starter encoder: `python -m training.starter`
concepts.py      what it learns names from
data/            the facts behind them: lineages and everyday words of ImageNet's classes
contrastive/     the BioCLIP recipe: both towers by pairs of images and texts
locked_image.py  locked-image text tuning
recipe.py        settings of a run
recipes/         one TOML file each
evaluation/      figures of merit of encoders, side by side: `taxalens.evaluate`
"""
