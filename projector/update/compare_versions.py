"""Compares the consecutive versions of all sources that were not compared yet."""

from collections.abc import Iterable
from functools import partial

from eventlog.errors import HindlogError
from projector.changes.differences import FOLDER, add_differences, folder_of_diffs
from projector.changes.value_starts import folder_of_starts, update_starts
from projector.changes.version_pairs import History
from projector.cluster.engine import Engine
from projector.engine.connections import sql_errors
from projector.engine.workers import submit
from projector.parts.build import Context


def compare_versions(
    context: Context, histories: Iterable[History], failures: dict[str, str], engine: Engine
) -> bool:
    """Compares the consecutive versions that were not compared yet. Returns whether the views
    have other files to read then. What fails is added to `failures`."""
    jobs = {
        history.source: submit(context.workers, _compare_source, context, history, engine)
        for history in histories
    }
    is_changed = False
    for source, job in jobs.items():
        try:
            is_changed |= job.result()
        except HindlogError as error:
            failures[f"{source} {FOLDER}"] = error.what
            is_changed = True
    return is_changed


def _compare_source(context: Context, history: History, engine: Engine) -> bool:
    """Finds since when values were seen, and their differences. Returns whether any are new."""
    starts = folder_of_starts(context.parts, history.source)
    differences = folder_of_diffs(context.parts, history.source)
    shared = (history, context.scratch, context.workers, context.limits)
    compare = partial(engine.compare_pairs, context, differences, history.source)
    with sql_errors(f"changes of {history.source}"):
        is_changed = update_starts(starts, *shared)
        return add_differences(differences, *shared, compare) > 0 or is_changed
