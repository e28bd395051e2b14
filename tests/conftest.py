"""Fixtures and settings that every test may use."""

import os

from hypothesis import settings

# Before numpy is loaded: with two test processes on two cores, threads of its own only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# How long one example takes says more about the machine than about the code.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

pytest_plugins = ["support.service_fixtures", "support.unmeasured"]
