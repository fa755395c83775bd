"""How often the crash tests crash: HINDLOG_CRASH_ROUNDS, 200 unless told otherwise."""

import os

ROUNDS = int(os.environ.get("HINDLOG_CRASH_ROUNDS", "200"))
FLIPS = 1000 if ROUNDS <= 200 else 10 * ROUNDS
