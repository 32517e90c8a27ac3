"""The parts of a scientific name: GBIF's parser finds them; the remainder must be a citation.

The parser expects names; labels are any text. It reads "Panthera leo, asleep" as a species by an
author called asleep. So each word outside the name must look like one of an author, a year or a
note of taxonomists, or the text is no name.
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from nameparser import Informal, ParsedName, UnparsableNameError, parse

FAMILY = re.compile(r"(?:idae|inae|ini|oidea|aceae|ales|formes)$")  # no epithet follows
GENUS = re.compile(r"[A-ZÀ-ÖØ-ÞŒ][a-zß-öø-ÿœſ-]+")


@dataclass(frozen=True, slots=True)
class Parts:
    """A name in parts, each as it is written; "" for a part that it lacks."""

    genus: str
    """the genus, or any other name of one word"""
    subgenus: str = ""
    species: str = ""
    marker: str = ""
    """of a rank: "var." """
    infraspecific: str = ""
    section: bool = False
    """whether the subgenus is written with a rank instead of in brackets"""
    citation: str = ""
    """authors, years and notes"""
    sure: str = ""
    """the part before a doubt: "Ursus" of "Ursus cf. arctos" """

    def name(self, *, subgenus: bool = True, marker: bool = True) -> str:
        """Return the name without its author."""
        words = (
            self.genus,
            f"({self.subgenus})" if subgenus and self.subgenus else "",
            self.species,
            self.marker if marker else "",
            self.infraspecific,
        )
        return " ".join(filter(None, words))


def parts_of(name: str, certain: bool = False) -> Parts | None:
    """Return the parts of a name; None for a text that is none, or that says more than a name.

    An author after a genus must be beyond doubt, unless it is `certain` that the text is a name.
    """
    name = _SIGN.sub("", name.encode(errors="replace").decode())  # a file name may be no UTF-8
    name = usual_case(_OKINA.sub("'", name))
    if _SEVERAL.search(name) or not (GENUS.match(name) or name.islower()):
        return None
    try:
        parsed = parse(_CULTIVAR_AS_EPITHET.sub(" var. ", name))
    except UnparsableNameError:
        return None
    if isinstance(parsed, Informal):
        sure = parsed.taxon if name.startswith(parsed.taxon) else ""
        return Parts(sure, sure=sure) if sure and _INFORMAL.match(parsed.phrase or "") else None
    removed = [each.partition(": ")[2] for each in parsed.warnings if each.startswith("Removed: ")]
    if parsed.phrase or _ENGLISH in parsed.warnings or not all(map(_REMOVED.match, removed)):
        return None
    return _placed(name, parsed, " ".join(removed), certain)


def usual_case(name: str) -> str:
    """Return a name with author and year in capitals, "BOMBUS LUCORUM (LINNAEUS, 1761)", as usual.

    Any other text stays as it is: of capitals without a year nobody can tell author and epithet.
    """
    if not name.isupper() or not (found := _CAPITALS.fullmatch(name)):
        return name
    genus, subgenus, epithet, cited = found.groups(default="")
    return f"{genus.capitalize()}{subgenus.title()}{epithet.lower()}{cited.title()}"


def _placed(name: str, parsed: ParsedName, removed: str, certain: bool) -> Parts | None:
    """Find the parts in the text, and see to it that the rest of it is a citation."""
    qualifiers = parsed.epithet_qualifier or {}
    parts = {
        "genus": parsed.uninomial or parsed.genus,
        "subgenus": parsed.infrageneric_epithet,
        "species": parsed.specific_epithet,
        "infraspecific": parsed.infraspecific_epithet,
    }
    left = [(part, word) for part, word in parts.items() if word]
    found: dict[str, str] = {}
    rest: list[str] = []
    for word in _SPACE.sub(" ", _PAGE.sub("", name)).split():
        bare = word.strip("()[],;:")
        part, expected = left[0] if left else ("", "")
        if left and bare.casefold().removesuffix(".") == expected.casefold().removesuffix("."):
            found[part] = bare
            left.pop(0)
            if part == "infraspecific" and rest and _MARKER.match(f"{rest[-1]} "):
                found["marker"] = rest.pop()
            if part == "subgenus" and rest and _MARKER.match(f"{rest[-1]} "):
                found["section"] = rest.pop()
        elif word not in ("x", "X"):
            rest.append(word)
    if left or not found:
        return None
    section = bool(found.pop("section", ""))
    named = section or "species" in found or GENUS.fullmatch(found.get("subgenus", "Aa"))
    if parsed.cultivar_epithet or not named:
        return None
    place = Parts(**found, section=section)
    if qualifiers:
        sure = {"SPECIFIC": place.genus, "INFRASPECIFIC": f"{place.genus} {place.species}"}
        return replace(place, sure=sure.get(next(iter(qualifiers)), ""))
    said = (parsed.taxonomic_note, parsed.nomenclatural_note, parsed.published_in, removed)
    notes = {word.strip(_AROUND) for word in " ".join(filter(None, said)).split()}
    certain = certain or bool(place.species or place.subgenus or FAMILY.search(place.genus))
    if not _is_citation(rest, notes, certain):
        return None
    return replace(place, citation=" ".join(rest), sure=_twice(place, rest))


def _twice(place: Parts, rest: list[str]) -> str:
    """Return the name that is sure where two ranks have one epithet: "ssp. a var. a"."""
    ranked = {word for rank, word in pairwise(rest) if _MARKER.match(f"{rank} ")}
    return place.name(subgenus=False, marker=False) if place.infraspecific in ranked else ""


def _is_citation(rest: list[str], notes: set[str], certain: bool) -> bool:
    """Whether words are authors, years and notes; after a genus alone, beyond doubt."""
    text = _OR.sub(" & ", _LOWER_CASE.sub(_joined, " ".join(rest)))
    rest = text.split()
    dated = bool(_YEAR.search(text))
    listed = text.startswith(",") or (_LISTED.search(text) and not text.startswith("ht."))
    if _BETWEEN.match(text) or (listed and not dated):
        return False
    sure = dated or (certain and bool(_TWO_AUTHORS.search(text)))
    cited = not rest
    for word in rest:
        bare = word.strip(_AROUND)
        if _NOTE.fullmatch(bare) or bare in notes:
            cited = True
        elif not _BESIDE.fullmatch(bare) and not _MARKER.match(f"{bare} "):
            if not _AUTHOR.fullmatch(bare) or _ANOTHER_FAMILY.search(bare):
                return False
            if bare.isupper() and len(bare) > 2 and not (sure or "." in word):
                return False  # "IMG"
            cited = True
    return cited and (certain or not rest or bool(_CITED.search(text)))


def _joined(found: re.Match[str]) -> str:
    return found[0].replace(" ", "-")


_CAPITALS = re.compile(
    r"([A-ZÀ-Þ][A-ZÀ-Þ-]+)( \([A-ZÀ-Þ-]+\))?( [A-ZÀ-Þ-]{2,})( [(A-ZÀ-Þ].*, ?\[?(?:1[5-9]|20)\d\d.*)"
)
_ANOTHER_FAMILY = re.compile(r"(?:idae|inae|aceae)$")  # "Felidae, Canidae"; Spegazzini is an author
_LISTED = re.compile(
    r"(?<!\.);|;(?! [A-Z][\w-]+,)"
)  # of "Clayton, D.H.; Price, R.D." all are authors
_AROUND = "()[]{},;:.'\"‘’“”"
_CULTIVAR_AS_EPITHET = re.compile(r" cv\.? (?=[a-z])")
_SPACE = re.compile(
    r"×|(?<=[^\s(])(?=\()|(?<=\))(?=[A-ZÀ-Þ])|(?<= (?:var|ssp|sub)\.)(?=[a-z])|(?<=,)(?=\d)"
)
_OKINA = re.compile("[ʻʼʹʽʾʿˈꞋꞌ＇]")
_PAGE = re.compile(r"(?<=[\da-z]) ?: ?\d+(?=[ .]|$)")
_SIGN = re.compile(r"^(?:[×+]\s*|[xX] )")
_SEVERAL = re.compile(r"[|+_=#@!<>{}\\]|/(?!\d\d)|\s[-–—]\s")
_ENGLISH = "blacklisted epithet used"
_INFORMAL = re.compile(
    r"(?:n\. ?)?(?:spp?|spec|species|ssp|subsp|gen|indet|group|complex|agg|cf|aff|nr)\b"
)
_REMOVED = re.compile(r"[a-z]+\.? [a-z]|[a-z-]{4,}$|[α-ωß]")
_MARKER = re.compile(
    r"(?:(?:notho|agamo|infra|super|supra|sub|con|proto)?(?:ss?p|subsp|subspec|var|variety|f|fo|fm|fma|fa|form|st|nvar"
    r"|forma|morph|mut|ab|pv|pathovar|prol|proles|race|nat|natio|lus|lusus|monstr|m|mod|microg|grex|sp|cv"
    r"|sect|ser|subg|subgen|gen|div|tr|trib|fam|agamosp)\.?|[α-ωß⍺]\.?|[bcdgh]|[a-z]\.) "
)
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d")
_BETWEEN = re.compile(r"(?:&|(?:and|et|y|e|und|or|vs?|with|on|in|ex) |[A-Z]\w+ (?:nest|with) )")
_LOWER_CASE = re.compile(r"\bVan (?:de[nr]? )?(?!de[nr]?\b)[a-z]{2,}\b")
_TWO_AUTHORS = re.compile(r"[A-ZÀ-Þ]{3,} & [A-ZÀ-Þ-]{3,}")
_OR = re.compile(r"(?<=[a-z.]) or (?=[A-ZÀ-Þ][\w.]+(?:,? \d{4})?$)")
_AUTHOR = re.compile(
    r"[^\W\d_a-zß-öø-ÿœ][^\d_]*|ht\.[\w.-]*|[a-z]{0,4}['’`‘][^\W\d_].*|(?:[a-z]\.)+[\w.-]*"
    r"|(?:du|de|dela|van|vander|von|le|la|del)[A-Z]\w+"
    r"|af|da|dal|de|degli|dei|del|della|delle|dem|den|der|des|di|do|dos|du|el|la|le|les|los|ten|ter|van"
    r"|ver|von|vom|v\.?|d|'?t|z|zu|zum|zur|het|op"
)
_BESIDE = re.compile(
    r"|&|and|et|ex\.?|in|non|nec|not|e|i|y|und|f\.?|fil\.?|fils|filius|bis|l|al\.?|lat\.?|str\.?|apud|ap\.?"
    r"|fide|jun\.?|sen\.?|(?:c\.|ca\.?)?(?:1[5-9]|20)(?:\d\d|\d[?-]|-{2}|[?]{2})[A-Za-z?]?"
    r"(?:[-–/]\d{2,4})?(?:-\d\d)?\.?|\?"
)
_NOTE = re.compile(
    r"auctt?\.?|sensu|sec\.?|s\.?|s\.l\.?|s\.str\.?|s\.s\.?|s\.lat\.?|agg\.?|hort\.?|ht\.?|emend\.?|sic|p\.p\.?|p|pro|parte"
    r"|syn\.?|anon\.?|mihi|ms\.?|mscr?\.?|ined\.?|nomen|nom\.?(?:[a-z]+\.?)*|nud\.?|nudum|illeg\.?"
    r"|inval(?:id)?\.?|cons\.?|rej(?:ic)?\.?|orth\.?|comb\.?|stat\.?|nov\.?|n\.?|superfl\.?|ambig\.?|dub\.?"
    r"|opus|utique|oppr\.?|imprint|hort(?:us|usa)|dubium|prov\.?|provis\.?|corrig\.?|utique|oblitum|novum|isonym|homon\.?|sp\.?|spec\.?|var\.?"
)
# "Iris Blue", "Bison Yellowstone 2019" and "Victoria St. Petersburg" cite no author of a genus.
_CITED = re.compile(
    r", ?\[?(?:1[5-9]|20)\d\d|\b1[5-9]\d\d|\.(?! [A-Z])|\([A-ZÀ-Þ][^()]*\) ?\S|\b(?:sic|nom)\b"
)
