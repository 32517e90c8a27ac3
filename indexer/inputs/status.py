"""What can become of an input; the last line of a source id counts."""

EMBEDDED = "embedded"
DUPLICATE = "duplicate"
FAILED = "failed"
VANISHED = "vanished"
"""its file is no longer there; its image stays until it is removed"""
REMOVED = "removed"
"""taken out by its owner; only `add` brings it back"""

CUT_SHORT = "cut short"
"""what the reason of an embedded input begins with, if only the beginning of its JPEG is there"""
