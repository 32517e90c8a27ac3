"""Class strings of a text type as BioCLIP's evaluation writes them, and zero-shot templates.

The rules differ from those of training (`model.text_types`): a missing rank is skipped, "with
common name" is added only where there is a common name, and "a photo of" is a template's part
(Imageomics/bioclip, `naming_eval.to_classes`).
"""

from collections.abc import Sequence
from functools import cache

from model.errors import check_known
from model.taxon import Rank, Taxon

AS_IS = "asis"
TEXT_TYPES = ("sci", "com", "taxon", "sci_com", "taxon_com", AS_IS)
TEMPLATES = (1, 80, 81)
TEMPLATES_SHA256 = "594f98a56e7af82b48805f2801515b385496071266ec194bc78fb0fdf2ee3377"
"""of OpenAI's 80 with "X" in them, joined by line feeds"""
_FIRST = "a photo of {}."
_BY_COMMON_NAME = ("clip", "openclip", "siglip")


def class_string(taxon: Taxon, label: str, text_type: str) -> str:
    """Return the string of a class; never empty where a label or a name is known.

    `label` is the class as its data set writes it, the whole string of `asis`. Without names of
    the taxon it stands for every text type; underscores become spaces then.
    """
    words = label.replace("_", " ").strip()
    if text_type == AS_IS:
        return label or taxon.name
    common = taxon.common_name
    if text_type == "com":
        return common or words or taxon.name
    if not taxon.name:
        return words
    is_species = bool(taxon.at(Rank.GENUS) or taxon.at(Rank.SPECIES))
    string = _taxonomic(taxon)
    if text_type.startswith("sci") and is_species:
        string = taxon.at(Rank.SPECIES) or taxon.at(Rank.GENUS)
    if text_type.endswith("_com") and common:
        string += f" with common name {common}"
    return string


def text_type_for(encoder: str, has_taxa: bool) -> str:
    """Return the text type of the published protocol: `com` for CLIP, `taxon_com` for BioCLIP.

    Classes without a taxon are written as they are.
    """
    if not has_taxa:
        return AS_IS
    return "com" if encoder in _BY_COMMON_NAME else "taxon_com"


def check_text_type(text_type: str) -> None:
    """Raise UnknownName for a text type that is not one of TEXT_TYPES."""
    check_known("text type", text_type, TEXT_TYPES)


@cache
def templates(many: int) -> tuple[str, ...]:
    """Return templates with one "{}": "a photo of {}." (1), OpenAI's (80) or both (81).

    Source: `OPENAI_IMAGENET_TEMPLATES` of open_clip; 81 is what BioCLIP's evaluation takes, 80
    what pybioclip does.
    """
    if many == 1:
        return (_FIRST,)
    from open_clip import OPENAI_IMAGENET_TEMPLATES

    eighty = tuple(template("{}") for template in OPENAI_IMAGENET_TEMPLATES)
    return eighty if many == 80 else (_FIRST, *eighty)


def filled(template: str, names: Sequence[str]) -> list[str]:
    """Return a template with each name in it; braces in names stay as they are."""
    before, _, after = template.partition("{}")
    return [f"{before}{name}{after}" for name in names]


def _taxonomic(taxon: Taxon) -> str:
    *above, genus, _ = taxon.lineage
    return " ".join(filter(None, (*above, genus, taxon.epithet)))
