"""For all tests: properties are checked without a clock, machines being noisy.

A shell ignores Ctrl-C for what it runs in the background, and so would all that tests start.
"""

import signal

from hypothesis import settings

from tests.extent import IS_ALL

settings.register_profile("hindlog", deadline=None, max_examples=30, derandomize=True)
settings.register_profile("all", deadline=None, max_examples=100, print_blob=True)
settings.load_profile("all" if IS_ALL else "hindlog")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
