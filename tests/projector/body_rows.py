"""Rows that one body gives, for tests of the values of a definition."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from projector.definition import Definition
from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import Page, Seen, hours, write_log


def build_archive(
    root: Path, source: str, entities: Sequence[Seen], definitions: Sequence[Definition]
) -> Path:
    """Makes an archive that contains these entities on one page, and its views. Returns `root`."""
    (root / "log").mkdir()
    write_log(root, source, WRITER, [Page(hours(0), entities)])
    assert update(root, definitions=definitions).failed == ()
    return root


def rows_of(root: Path, view: str, entity: Seen, columns: str) -> list[tuple[Any, ...]]:
    """Returns these columns of the rows that a view has for one entity."""
    key = "image_id" if view == "civitai.image_resources" else "id"
    sql = f"SELECT {columns} FROM {view} WHERE {key}::VARCHAR = $id"
    return list(run_query(root, sql, params={"id": entity.id}).rows)


def id_from(value: Any) -> int:
    """Returns a number derived from a value, so that each body has an id of its own."""
    return zlib.crc32(value if isinstance(value, bytes) else json.dumps(value).encode())


def civitai_model(**body: Any) -> Seen:
    """Returns a model of Civitai with this body and a derived id."""
    id = id_from(body)
    return Seen("model", str(id), {"id": id, **body})


def civitai_image(**body: Any) -> Seen:
    """Returns an image of Civitai with this body; the id is derived if the body has none."""
    id = body.get("id", id_from(body))
    return Seen("image", str(id), {"id": id, **body}, "list?withMeta=true")
