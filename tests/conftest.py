"""For all tests: properties are checked without a clock, machines being noisy.

A shell ignores Ctrl-C for what it runs in the background, and so would all that tests start.
"""

import signal

from hypothesis import settings

settings.register_profile("hindlog", deadline=None)
settings.load_profile("hindlog")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
