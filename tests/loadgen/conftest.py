"""The load generator is asked about servers that the conformance suite starts, too."""

from under_test import (
    bystander,
    described,
    launcher,
    options,
    pytest_generate_tests,
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
    "pytest_unconfigure",
    "seed",
    "server",
    "start",
]
