"""The ten strings by which BioCLIP writes a taxon, and the prompts that a query is embedded as."""

from enum import StrEnum

from model.taxon import RANKS, Rank, Taxon


class TextType(StrEnum):
    """The text members of a TreeOfLife sample, named as in its shards."""

    SCIENTIFIC_NAME = "scientific_name"
    TAXONOMIC_NAME = "taxonomic_name"
    COMMON_NAME = "common_name"
    SCI = "sci"
    COM = "com"
    TAXON = "taxon"
    TAXON_TAG = "taxonTag"
    SCI_COM = "sci_com"
    TAXON_COM = "taxon_com"
    TAXON_TAG_COM = "taxonTag_com"


TRAINED_TYPES = (
    TextType.SCI,
    TextType.COM,
    TextType.TAXON,
    TextType.SCI_COM,
    TextType.TAXON_COM,
)
"""The five that BioCLIP is trained on (arXiv 2311.18803, section 3.2)."""


_TEMPLATES = {
    TextType.SCIENTIFIC_NAME: "{scientific}",
    TextType.TAXONOMIC_NAME: "{taxonomic}",
    TextType.COMMON_NAME: "{common}",
    TextType.SCI: "a photo of {scientific}.",
    TextType.COM: "a photo of {common}.",
    TextType.TAXON: "a photo of {taxonomic}.",
    TextType.TAXON_TAG: "a photo of {tagged}.",
    TextType.SCI_COM: "a photo of {scientific} with common name {common}.",
    TextType.TAXON_COM: "a photo of {taxonomic} with common name {common}.",
    TextType.TAXON_TAG_COM: "a photo of {tagged} with common name {common}.",
}


def render(taxon: Taxon, text_type: TextType) -> str:
    """Write a taxon as one text type, with the reference's fallbacks for what is missing.

    Source: `make_txt` and `naming.Taxon` of the BioCLIP reference code. A taxon above genus has
    no scientific name there, so its `sci` is the empty prompt "a photo of ."; see `prompts`.
    """
    *above, genus, _ = taxon.lineage
    names = (*above, genus, taxon.epithet)
    scientific = f"{genus} {taxon.epithet}".strip().capitalize()
    taxonomic = " ".join(filter(None, names))
    tagged = " ".join(f"{rank} {name}" for rank, name in zip(RANKS, names, strict=True) if name)
    common = taxon.common_name or scientific or taxonomic
    return _TEMPLATES[text_type].format(
        scientific=scientific, taxonomic=taxonomic, tagged=tagged, common=common
    )


def prompts(taxon: Taxon) -> list[str]:
    """Write a taxon as the prompts of a zero-shot ensemble, none of them empty or repeated.

    A name that is missing is left out instead of replaced; the name at the taxon's own rank
    stands in for a scientific name above genus ("a photo of Felidae.").
    """
    types = [TextType.TAXON]
    if taxon.at(Rank.GENUS) or taxon.at(Rank.SPECIES):
        types.append(TextType.SCI)
    if taxon.common_name:
        types += [TextType.COM, TextType.TAXON_COM]
    strings = [free_text_prompt(taxon.name)] + [render(taxon, each) for each in types]
    return list(dict.fromkeys(strings))


def free_text_prompt(text: str) -> str:
    """Write what a user typed as the prompt that BioCLIP knows: "a photo of …."."""
    return f"a photo of {text.strip().rstrip('.')}."
