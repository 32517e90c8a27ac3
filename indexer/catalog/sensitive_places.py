"""Sensitive places: threatened species are located to a tenth of a degree, unless asked otherwise.

Threatened is vulnerable, endangered or critically endangered, as the metadata of an image say.
Whatever shows or compares coordinates asks here: `Snapshot.exact_places` says which ones it may.
"""

import math
import re
from collections.abc import Mapping

from indexer.catalog.snapshot import Snapshot
from indexer.catalog.typed_metadata import sql_identifier

WITHHELD = "withheld: a threatened species"
GENERALISATIONS = "dataGeneralizations"
"""Darwin Core's term for what was made less exact"""
_SAID = "coordinates to a tenth of a degree, since the species is threatened"
_CELLS = 10  # a degree
# Columns, in letters alone: of a Red List category, and of a place.
_CATEGORIES = {
    *("iucnredlistcategory", "redlistcategory", "redliststatus", "redlist"),
    *("iucncategory", "iucnstatus", "iucnredlist", "iucnredliststatus", "iucn"),
    *("threatstatus", "conservationstatus"),
}
_PLACES = {
    *("decimallatitude", "decimallongitude", "latitude", "longitude", "lat", "lon", "lng", "long"),
    *("verbatimlatitude", "verbatimlongitude", "verbatimcoordinates", "footprintwkt"),
    *("coordinates", "latlon", "latlong", "geometry", "wkt", "location", "geo", "geojson"),
    *("gpslatitude", "gpslongitude", "gpsposition", "utm", "mgrs", "easting", "northing"),
}
# "CR (PE)", "EN A2cd", "Critically Endangered", "VULNERABLE"; Python and DuckDB read it alike.
_THREATENED = r"(?i)^[^a-z]*(vu|en|cr)([^a-z]|$)|vulnerable|endangered"


def is_place(column: str) -> bool:
    """Return whether a column of metadata says exactly where an image was taken."""
    return _letters(column) in _PLACES


def is_threatened(metadata: Mapping[str, str]) -> bool:
    """Return whether metadata say that the species is threatened."""
    return any(
        re.search(_THREATENED, value, re.ASCII)
        for column, value in metadata.items()
        if _letters(column) in _CATEGORIES
    )


def generalised(degrees: float) -> float:
    """Return the nearest tenth of a degree: a grid, so that repeated looks say no more than one."""
    return math.floor(degrees * _CELLS + 0.5) / _CELLS


def shown_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata as they are shown: of a threatened species without its exact place."""
    if not is_threatened(metadata) or not any(map(is_place, metadata)):
        return dict(metadata)
    shown = {
        column: _shown(value) if is_place(column) else value for column, value in metadata.items()
    }
    return {GENERALISATIONS: _SAID} | shown


def shown_by(snapshot: Snapshot, metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return metadata as a snapshot may show them."""
    return metadata if snapshot.exact_places else shown_metadata(metadata)


def hides_place(snapshot: Snapshot, metadata: Mapping[str, str]) -> bool:
    """Return whether the EXIF of an image with these metadata may say more than is shown."""
    return not snapshot.exact_places and is_threatened(metadata)


def shown_columns(snapshot: Snapshot) -> dict[str, str]:
    """Return columns of places by name, each as the SQL over `metadata` of what may be shown.

    Empty where a snapshot shows exact places, or where no column knows what is threatened.
    """
    described = snapshot.query("DESCRIBE metadata")
    known = [sql_identifier(name) for name, *_ in described if _letters(name) in _CATEGORIES]
    if snapshot.exact_places or not known:
        return {}
    says = (f"regexp_matches(CAST({each} AS VARCHAR), '{_THREATENED}')" for each in known)
    threatened = " OR ".join(f"coalesce({each}, false)" for each in says)
    return {
        name: f"CASE WHEN {threatened} THEN {_coarse(name, type_)} ELSE {sql_identifier(name)} END"
        for name, type_, *_ in described
        if is_place(name)
    }


def _coarse(column: str, type_: str) -> str:
    if type_ not in ("BIGINT", "DOUBLE"):
        return "NULL"
    return f"floor({sql_identifier(column)} * {_CELLS} + 0.5) / {_CELLS}"


def _shown(value: str) -> str:
    try:
        return f"{generalised(float(value)):.1f}"
    except (ValueError, OverflowError):
        return WITHHELD


def _letters(column: str) -> str:
    return re.sub(r"[^a-z]", "", column.lower().rpartition(":")[2])
