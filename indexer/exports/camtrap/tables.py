"""The three tables of Camtrap DP 1.0, as Table Schemas of the Frictionless Data Package.

Source: https://camtrap-dp.tdwg.org/data, version 1.0: names, types and constraints of all fields.
1.0.1 is 1.0 with a slip in its profile mended, which frictionless 5.17 and later stumble over.
"""

from typing import Any

BASE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.1/"
PROFILE = f"{BASE}camtrap-dp-profile.json"
TIME = "%Y-%m-%dT%H:%M:%S%z"
TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
LIFE_STAGES = ("adult", "subadult", "juvenile")
SEXES = ("female", "male")
DESIGNS = (
    *("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted"),
    "opportunistic",
)
CAPTURE_METHODS = ("activityDetection", "timeLapse")
FILE_PATH = r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"
DEPLOYMENTS, MEDIA, OBSERVATIONS = "deployments", "media", "observations"
_Fields = tuple[tuple[str, str, dict[str, Any]], ...]
_REQUIRED = {"required": True}
_SHARE = {"minimum": 0, "maximum": 1}


def _texts(*names: str) -> _Fields:
    return tuple((name, "string", {}) for name in names)


_FIELDS: dict[str, _Fields] = {
    DEPLOYMENTS: (
        ("deploymentID", "string", _REQUIRED | {"unique": True}),
        *_texts("locationID", "locationName"),
        ("latitude", "number", _REQUIRED | {"minimum": -90, "maximum": 90}),
        ("longitude", "number", _REQUIRED | {"minimum": -180, "maximum": 180}),
        ("coordinateUncertainty", "integer", {"minimum": 1}),
        ("deploymentStart", "datetime", _REQUIRED),
        ("deploymentEnd", "datetime", _REQUIRED),
        *_texts("setupBy", "cameraID", "cameraModel"),
        ("cameraDelay", "integer", {"minimum": 0}),
        ("cameraHeight", "number", {"minimum": 0}),
        ("cameraDepth", "number", {"minimum": 0}),
        ("cameraTilt", "integer", {"minimum": -90, "maximum": 90}),
        ("cameraHeading", "integer", {"minimum": 0, "maximum": 360}),
        ("detectionDistance", "number", {"minimum": 0}),
        ("timestampIssues", "boolean", {}),
        ("baitUse", "boolean", {}),
        *_texts("featureType", "habitat"),
        *_texts("deploymentGroups", "deploymentTags", "deploymentComments"),
    ),
    MEDIA: (
        ("mediaID", "string", _REQUIRED | {"unique": True}),
        ("deploymentID", "string", _REQUIRED),
        ("captureMethod", "string", {"enum": list(CAPTURE_METHODS)}),
        ("timestamp", "datetime", _REQUIRED),
        ("filePath", "string", _REQUIRED | {"pattern": FILE_PATH}),
        ("filePublic", "boolean", _REQUIRED),
        ("fileName", "string", {}),
        ("fileMediatype", "string", _REQUIRED | {"pattern": "^(image|video|audio)/.*$"}),
        ("exifData", "any", {}),
        ("favorite", "boolean", {}),
        ("mediaComments", "string", {}),
    ),
    OBSERVATIONS: (
        ("observationID", "string", _REQUIRED | {"unique": True}),
        ("deploymentID", "string", _REQUIRED),
        *_texts("mediaID", "eventID"),
        ("eventStart", "datetime", _REQUIRED),
        ("eventEnd", "datetime", _REQUIRED),
        ("observationLevel", "string", _REQUIRED | {"enum": ["media", "event"]}),
        ("observationType", "string", _REQUIRED | {"enum": list(TYPES)}),
        ("cameraSetupType", "string", {"enum": ["setup", "calibration"]}),
        ("scientificName", "string", {}),
        ("count", "integer", {"minimum": 1}),
        ("lifeStage", "string", {"enum": list(LIFE_STAGES)}),
        ("sex", "string", {"enum": list(SEXES)}),
        *_texts("behavior", "individualID"),
        ("individualPositionRadius", "number", {"minimum": 0}),
        ("individualPositionAngle", "number", {"minimum": -90, "maximum": 90}),
        ("individualSpeed", "number", {"minimum": 0}),
        ("bboxX", "number", _SHARE),
        ("bboxY", "number", _SHARE),
        ("bboxWidth", "number", {"minimum": 1e-15, "maximum": 1}),
        ("bboxHeight", "number", {"minimum": 1e-15, "maximum": 1}),
        ("classificationMethod", "string", {"enum": ["human", "machine"]}),
        ("classifiedBy", "string", {}),
        ("classificationTimestamp", "datetime", {}),
        ("classificationProbability", "number", _SHARE),
        *_texts("observationTags", "observationComments"),
    ),
}
_KEYS = {DEPLOYMENTS: "deploymentID", MEDIA: "mediaID", OBSERVATIONS: "observationID"}
_POINTS_TO = {
    DEPLOYMENTS: (),
    MEDIA: (("deploymentID", DEPLOYMENTS),),
    OBSERVATIONS: (("deploymentID", DEPLOYMENTS), ("mediaID", MEDIA)),
}


def columns(table: str) -> tuple[str, ...]:
    """Return the names of a table's fields, in the standard's order."""
    return tuple(name for name, *_ in _FIELDS[table])


def schema(table: str) -> dict[str, Any]:
    """Return a table's descriptor."""
    fields = []
    for name, kind, constraints in _FIELDS[table]:
        form = {"format": TIME} if kind == "datetime" else {}
        fields.append({"name": name, "type": kind, **form, "constraints": constraints})
    keys = [
        {"fields": key, "reference": {"resource": other, "fields": key}}
        for key, other in _POINTS_TO[table]
    ]
    return {
        "name": table,
        "fields": fields,
        "missingValues": [""],
        "primaryKey": _KEYS[table],
        "foreignKeys": keys,
    }
