"""The conformance suite runs against every model."""

from under_test import (
    bystander,
    described,
    launcher,
    options,
    pytest_generate_tests,
    pytest_report_header,
    pytest_unconfigure,
    seed,
    server,
    start,
)

__all__ = [
    "bystander",
    "described",
    "launcher",
    "options",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_unconfigure",
    "seed",
    "server",
    "start",
]
