"""Number of rounds of the crash tests: few, more in `make test-all`, or HINDLOG_CRASH_ROUNDS."""

import os

from tests.extent import few_or_all

ROUNDS = int(os.environ.get("HINDLOG_CRASH_ROUNDS") or few_or_all(20, 120))
FLIPS = 5 * ROUNDS if ROUNDS <= 200 else 10 * ROUNDS
