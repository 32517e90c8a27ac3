"""Zero-shot top-1 of the published tables (per cent), by encoder and task, in three variants.

The model card (= arXiv 2311.18803 v1), the project site, and CVPR 2024 (= arXiv v3), which is the
site but for Rare Species. Means are the published ones, truncated instead of rounded.
"""

from training.evaluation.tasks import TEN

COLUMNS = (*(task.title for task in TEN), "Mean")
ENCODERS = {
    "clip": "CLIP",
    "openclip": "OpenCLIP",
    "bioclip": "BioCLIP",
    "bioclip-inat21": "iNat21 Only",
}
CARD, SITE, CVPR = "model card (arXiv v1)", "project site", "CVPR 2024 (arXiv v3)"

_CLIP = (49.9, 3.2, 9.1, 9.8, 58.5, 10.2, 5.4, 15.9, 26.1)
_OPENCLIP = (54.7, 2.2, 6.5, 9.6, 50.2, 5.7, 8.0, 12.4, 25.8)
_BIOCLIP = (72.1, 6.1, 34.8, 20.4, 91.4, 40.7, 24.4, 38.6, 28.4)
_INAT21 = (56.1, 2.6, 30.7, 11.5, 88.2, 43.0, 18.4, 25.6, 20.5)
PUBLISHED: dict[tuple[str, str], tuple[float, ...]] = {
    ("clip", CARD): (*_CLIP, 26.6, 21.4),
    ("openclip", CARD): (*_OPENCLIP, 31.0, 20.6),
    ("bioclip", CARD): (74.7, 5.4, 32.7, 21.2, 91.0, 51.8, 24.0, 48.1, 27.5, 39.2, 41.5),
    ("bioclip-inat21", CARD): (55.7, 2.7, 29.9, 12.0, 89.3, 42.7, 16.4, 22.2, 18.8, 19.4, 30.9),
    ("clip", SITE): (*_CLIP, 26.6, 21.4),
    ("openclip", SITE): (*_OPENCLIP, 31.0, 20.6),
    ("bioclip", SITE): (*_BIOCLIP, 37.8, 39.4),
    ("bioclip-inat21", SITE): (*_INAT21, 19.4, 31.6),
    ("clip", CVPR): (*_CLIP, 31.8, 21.9),
    ("openclip", CVPR): (*_OPENCLIP, 29.8, 20.4),
    ("bioclip", CVPR): (*_BIOCLIP, 38.0, 39.4),
    ("bioclip-inat21", CVPR): (*_INAT21, 21.3, 31.7),
}
"""(encoder, variant) to the figures under COLUMNS"""
