"""What the last probing of the bucket found, kept for `doctor` and for commands that rely on it.

    state/mirror/findings.json

It counts only for the bucket that it names, and may be deleted at any time: it can be probed
again. A file of its own, so that a probing does not write over the ledger of a running push.
"""

from pathlib import Path

import msgspec

from eventlog.files.publish import replace_file


class Findings(msgspec.Struct, frozen=True):
    """What a probing found."""

    address: str
    """Of the bucket."""
    at: str
    """When it ended."""
    verdicts: dict[str, str]
    """By probe: `OK`, `WARN` or `FAIL`."""


def findings_path(root: Path) -> Path:
    """The file of the findings."""
    return root / "state" / "mirror" / "findings.json"


def load_findings(root: Path, address: str) -> Findings | None:
    """Returns what was found in a bucket; None if it was not probed."""
    try:
        findings = msgspec.json.decode(findings_path(root).read_bytes(), type=Findings)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return findings if findings.address == address else None


def save_findings(root: Path, findings: Findings) -> None:
    """Replaces the findings. A probe that did not apply this time leaves its earlier verdict."""
    earlier = load_findings(root, findings.address)
    if earlier is not None:
        verdicts = {**earlier.verdicts, **findings.verdicts}
        findings = msgspec.structs.replace(findings, verdicts=verdicts)
    path = findings_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.encode(findings) + b"\n")
