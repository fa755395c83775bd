"""For all tests: properties are checked without a clock, machines being noisy."""

from hypothesis import settings

settings.register_profile("hindlog", deadline=None)
settings.load_profile("hindlog")
