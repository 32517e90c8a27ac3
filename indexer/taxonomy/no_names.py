"""Words that stand where a name would, and name no taxon."""

import re

from indexer.taxonomy.name_strings import fold

UNKNOWN_NAME = re.compile(r"\(unidentified\)|unknown|pleasehelp|incertae sedis|not assigned", re.I)
"""in a column of scientific names"""
UNSURE = re.compile(
    r"no|not|none|sure|unsure|maybe|perhaps|unidentified|undetermined|unknown|misc|miscellaneous"
    r"|various|other|mixed|several|animal|mammal|human|being|person|people|camera|check|test"
)
_AGES = (
    *("male", "female", "juvenile", "juv", "adult", "subadult", "immature", "imm", "ad", "egg"),
    *("eggs", "larvae?", "pupae?", "nymphs?", "chicks?", "pullus", "nest", "worker", "queen"),
    *("männchen", "weibchen", "männlich", "weiblich", "jungvogel", "juvenil", "dead", "alive"),
)
NO_EPITHET = re.compile(rf"{UNSURE.pattern}|none|nothing|{'|'.join(_AGES)}", re.IGNORECASE)
"""words that people write beside a genus, and that are no epithet"""
GROUP = re.compile(
    r"(?:animal|mammal|reptile|amphibian|arthropod|invertebrate|vertebrate|marsupial|carnivore"
    r"|ungulate|fungu|fish|dicot|monocot)(?:e?s)?"
)
_NO_TAXON = {
    "blank": r"blanks?|empty|nothing|none|ghosts?|misfires?|no (?:animals?|wildlife|cv result)"
    r"|false (?:positive|trigger|detection)s?",
    "vehicle": r"(?:motor ?)?(?:vehicle|car|truck|lorry|lorrie|bus|van|tractor|bike|cycle|bicycle"
    r"|boat|train|airplane|atv|quad|snowmobile)(?:e?s)?",
    "human": r"(?:human|person|hiker|cyclist|researcher|ranger|hunter|pedestrian)s?|people|m[ae]n"
    r"|wom[ae]n|child(?:ren)?|staff|crew|(?:set ?up|setup.pick ?up|pick ?up|maintenance)(?: crew)?",
    "unknown": r"(?:un(?:known|identified|identifiable|determined|sorted|classified)|others?|indet"
    r"|misc|miscellaneous|unbekannt|unbestimmt|unklar|inconnue?|indeterminee?|desconocid[oa]"
    r"|sconosciut[oa]|onbekend|tb[ad])(?: (?:species|spp?|taxon|organism))?|n/?a|null|nan|spp?|\?*",
    "morphospecies": r"morphospecies|(?:morpho ?(?:species|spp?)?|msp|otu|spp?|species)"
    r"(?:[. ]*\d+\w?|[. ]+\w)",
    "BIN": r"bold: ?[a-z]{3}\d{4,}",
}


def no_taxon(text: str) -> str:
    """Return what a label is that names no taxon: "blank", "vehicle", …; "" for any other text."""
    said = " ".join(fold(text).replace("-", " ").split()).strip(" .,!()[]")
    if not text.strip() or re.match(r"\s*Morpho[\s_]", text):  # a genus
        return ""
    return next((kind for kind, words in _NO_TAXON.items() if re.fullmatch(words, said)), "")
