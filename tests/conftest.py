"""Fixtures that every test may use."""

pytest_plugins = ["support.service_fixtures"]
