"""The list of views: rows, newest position and columns of each."""

from projector.query.view_info import list_views
from tests.projector.logs import hours
from tests.projector.projections import MODELS


def test_views_are_listed_with_rows_position_and_columns(archive):
    views = {view.name: view for view in list_views(archive, definitions=MODELS)}

    assert views["openrouter.models"].rows == 2
    assert views["openrouter.models"].last_instant == hours(2)
    assert ("prompt", "DECIMAL(38,24)") in {each[:2] for each in views["openrouter.models"].columns}
    assert views["log.events"].rows == 6
