"""What a package says of the whole: its deployments, its coverage, its datapackage.json."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from indexer.exports.camtrap.rows import Shot, first, moment_of
from indexer.exports.camtrap.tables import BASE, DEPLOYMENTS, MEDIA, OBSERVATIONS, PROFILE
from indexer.exports.image_rows import Image
from model.taxon import RANKS

_OF_DEPLOYMENT = (
    *("locationID", "setupBy", "cameraID", "cameraModel", "habitat", "deploymentGroups"),
    *("deploymentTags", "deploymentComments"),
)
_DESIGNS = {  # of the profile's project.samplingDesign
    *("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted"),
    "opportunistic",
}
_UNKNOWN = "not stated"


@dataclass(slots=True)
class Deployment:
    """A camera at a place for a time, as its photographs tell."""

    shot: Shot
    """its first photograph"""
    image: Image
    start: datetime
    end: datetime
    certain: bool = True
    """whether all times are"""
    moved: bool = False
    """whether photographs have several places"""

    def row(self) -> dict[str, object]:
        """Return its row of the table."""
        said = self.image.metadata
        start, end = (
            moment_of(first(said, (term,))) for term in ("deploymentStart", "deploymentEnd")
        )
        began = min(self.start, start.time) if start else self.start
        ended = max(self.end, end.time) if end else self.end
        return {term: first(said, (term,)) for term in _OF_DEPLOYMENT} | {
            "deploymentID": self.shot.deployment,
            "locationName": first(said, ("locationName", "locality")),
            "latitude": self.shot.latitude,
            "longitude": self.shot.longitude,
            "deploymentStart": began.isoformat(timespec="seconds"),
            "deploymentEnd": ended.isoformat(timespec="seconds"),
            "timestampIssues": "false" if self.certain else "true",
        }


@dataclass(slots=True)
class Coverage:
    """Where, when and of what the photographs are, and how they were taken."""

    deployments: dict[str, Deployment] = field(default_factory=dict)
    taxa: dict[str, dict[str, str]] = field(default_factory=dict)
    designs: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    individuals: bool = False

    def add(self, image: Image, shot: Shot) -> None:
        """Add a photograph."""
        time = shot.moment.time
        each = self.deployments.setdefault(shot.deployment, Deployment(shot, image, time, time))
        each.start, each.end = min(each.start, time), max(each.end, shot.moment.end.time)
        each.certain &= shot.moment.certain
        each.moved |= (shot.latitude, shot.longitude) != (each.shot.latitude, each.shot.longitude)
        self.designs |= {image.metadata.get("samplingDesign", "")} & _DESIGNS
        for said in (image.said, image.machine):
            if said and said.taxon and said.taxon.lineage[0] in ("", "Animalia"):
                ranks = zip(map(str, RANKS[:-1]), said.taxon.lineage, strict=False)
                taxon = {"scientificName": said.name, "taxonRank": said.rank, **dict(ranks)}
                if said.rank not in (*RANKS, "subspecies"):
                    del taxon["taxonRank"]
                known = {term: value for term, value in taxon.items() if value}
                self.taxa.setdefault(said.name, known)

    def notes(self) -> Iterator[str]:
        """Yield what the package's owner has to see to."""
        uncertain = sum(not each.certain for each in self.deployments.values())
        moved = sum(each.moved for each in self.deployments.values())
        if uncertain:
            yield (
                f"{uncertain} deployments have times without a time zone, or of a day alone: "
                "written as UTC, with timestampIssues"
            )
        if moved:
            yield f"{moved} deployments have several places: the first is written"
        if not self.designs or not self.methods:
            yield (
                "no metadata samplingDesign or captureMethod: datapackage.json says opportunistic, "
                "activityDetection; correct it where that is wrong"
            )
        yield "datapackage.json names no contributors or licences: fill them in to publish"
        yield "pictures are not copied: filePath is their URL, or their path below their root"


def datapackage(title: str, coverage: Coverage) -> dict[str, Any]:
    """Return the content of datapackage.json; it names the standard's schemas by their URLs."""
    now = datetime.now(UTC)
    deployments = coverage.deployments.values()
    start = min((each.start for each in deployments), default=now)
    end = max((each.end for each in deployments), default=now)
    places = sorted({(each.shot.longitude, each.shot.latitude) for each in deployments})
    return {
        "resources": [_resource(table) for table in (DEPLOYMENTS, MEDIA, OBSERVATIONS)],
        "profile": PROFILE,
        "name": "".join(c if c.isascii() and c.isalnum() else "-" for c in title.lower()),
        "created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "title": title,
        "contributors": [{"title": _UNKNOWN, "role": "contributor"}],
        "project": {
            "title": title,
            "samplingDesign": min(coverage.designs, default="opportunistic"),
            "captureMethod": sorted(coverage.methods) or ["activityDetection"],
            "individualAnimals": coverage.individuals,
            "observationLevel": ["media"],
        },
        "spatial": {"type": "MultiPoint", "coordinates": places},
        "temporal": {"start": f"{start:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}"},
        "taxonomic": list(coverage.taxa.values()),
    }


def _resource(table: str) -> dict[str, str]:
    return {
        "name": table,
        "path": f"{table}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": f"{BASE}{table}-table-schema.json",
    }
