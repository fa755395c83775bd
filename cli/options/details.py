"""Details for `-v`: log records of hindlog's packages become messages.

    -v     INFO    each request, each sealed segment, each Parquet file of the views
    -vv    DEBUG   also each retry, each decision of a crawl, and each write to the log

The packages below `cli` log to `logging.getLogger(__name__)` and know nothing of this.
Libraries that hindlog uses are not shown.
"""

from collections.abc import Callable

PACKAGES = ("eventlog", "fetcher", "projector")


def show_details(level: int, show: Callable[[str], None]) -> Callable[[], None]:
    """Passes log records to `show`: those of INFO for level 1, of DEBUG too for 2 or more.

    Returns a function that ends this. A second call replaces the first.
    """
    import logging

    class Details(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            show(record.getMessage())

    handler = Details()
    loggers = [logging.getLogger(name) for name in PACKAGES]
    for logger in loggers:
        logger.handlers = [handler]
        logger.setLevel(logging.INFO if level == 1 else logging.DEBUG)

    def end() -> None:
        for logger in loggers:
            logger.handlers = []
            logger.setLevel(logging.NOTSET)

    return end
