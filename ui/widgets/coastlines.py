"""Coastlines and borders, for a map without a tile server."""

from functools import cache

import numpy as np
import numpy.typing as npt

Line = npt.NDArray[np.float32]


@cache
def coastlines() -> Line:
    """Return the outlines of countries, (n, 2) longitude and latitude; a row of NaN ends each.

    They are those of the package countryinfo, which needs no network.
    """
    from countryinfo import all_countries

    gap = np.full((1, 2), np.nan, np.float32)
    parts: list[Line] = []
    for country in all_countries():
        for feature in country.geo_json().get("features", ()):
            shape = feature["geometry"]
            several = shape["type"] == "MultiPolygon"
            for polygon in shape["coordinates"] if several else [shape["coordinates"]]:
                for ring in polygon:
                    parts += [np.asarray(ring, np.float32)[:, :2], gap]
    return np.concatenate(parts)
