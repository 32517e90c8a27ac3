"""The three tables of Camtrap DP 1.0: the Table Schemas beside this file.

Source: https://camtrap-dp.tdwg.org/data, version 1.0: names, types and constraints of all fields.
1.0.1 is 1.0 with a slip in its profile mended, which frictionless 5.17 and later stumble over.
"""

import json
from pathlib import Path
from typing import Any

BASE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.1/"
PROFILE = f"{BASE}camtrap-dp-profile.json"
DEPLOYMENTS, MEDIA, OBSERVATIONS = "deployments", "media", "observations"


def schema(table: str) -> dict[str, Any]:
    """Return a table's descriptor, as the Frictionless Data Package defines one."""
    path = Path(__file__).with_name(f"{table}-table-schema.json")
    descriptor: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return descriptor


def columns(table: str) -> tuple[str, ...]:
    """Return the names of a table's fields, in the standard's order."""
    return tuple(field["name"] for field in schema(table)["fields"])


def constraint(table: str, column: str, kind: str) -> Any:
    """Return a constraint of a field: its `enum`, its `pattern`, its `maximum` …"""
    (field,) = (field for field in schema(table)["fields"] if field["name"] == column)
    return field["constraints"][kind]
