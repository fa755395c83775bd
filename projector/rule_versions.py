"""Version numbers of the rules that stored rows and differences depend on. Pure.

A part is read only by the definition it was made for, and a difference only by the rules it
was computed with. Both are named by these numbers, not by the text of the rules: a changed
comment or a moved file makes nothing anew. `tests/projector/test_rule_versions.py` pins the
number of each text, and says which number to raise when a text changes.
"""

from collections.abc import Mapping

ROW_RULES: Mapping[str, int] = {"event": 1, "lines": 1, "casts": 1}
"""Templates that the rows of every definition depend on."""

MACRO_RULES: Mapping[str, int] = {"civitai_meta": 1}
"""Files of macros that a definition may name in its header (`-- macros: civitai_meta`)."""

DIFFERENCE_RULES = 1
"""Of `diff.py` and `fields.py`: what counts as a difference, and what it is called."""
