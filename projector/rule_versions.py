"""Version numbers of the rules that stored rows and differences depend on. Pure.

A part is read only by the definition it was built for, and a difference only by the rules it
was computed with. Both depend on these numbers instead of on the text of the rules: a changed
comment or a moved file rebuilds nothing. `tests/projector/test_rule_versions.py` pins the
number of each text, and its message names the number to raise when a text changes.
"""

from collections.abc import Mapping

ROW_RULES: Mapping[str, int] = {"event": 2, "lines": 2, "casts": 2}
"""Versions of the templates that the rows of every definition depend on."""

MACRO_RULES: Mapping[str, int] = {"civitai_meta": 2}
"""Versions of the macro files that a definition may name (`-- macros: civitai_meta`)."""

START_RULES = 1
"""Version of the template that finds since when values were seen."""

DIFFERENCE_RULES = 2
"""Version of `diff.py` and `diff_rules.py`, which find and classify differences."""

KEYFRAME_RULES = 2
"""Version of the templates that choose the sightings and pages of a keyframe."""

ROW_CACHE_RULES = 2
"""Version of the templates that evaluate the rows of a row cache."""
