"""Archives of a few bodies, and the rows that a view has for one of them."""

import json
import zlib

from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import Page, Seen, hours, write_log


def archive_of(root, source, seen, definitions):
    """Writes an archive of these entities and builds the views of these definitions."""
    (root / "log").mkdir()
    write_log(root, source, WRITER, [Page(hours(0), seen)])
    assert update(root, definitions=definitions).failed == ()
    return root


def rows_of(root, source, view, seen, columns):
    """Returns these columns of the rows that a view has for an entity."""
    key = "image_id" if view == "image_resources" else "id"
    sql = f"SELECT {columns} FROM {source}.{view} WHERE {key}::VARCHAR = $id"
    return list(run_query(root, sql, params={"id": seen.id}).rows)


def number_of(text):
    """Returns an id that differs from body to body."""
    return zlib.crc32(text if isinstance(text, bytes) else json.dumps(text).encode())


def image(**body):
    """Returns an image as seen on a listing with meta."""
    id = body.get("id", number_of(body))
    return Seen("image", str(id), {"id": id, **body}, "list?withMeta=true")
