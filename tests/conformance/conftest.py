"""Rows and people for the generated tests."""

import pytest

from tests.conformance.samples import Samples


@pytest.fixture
def samples(db: None) -> Samples:
    return Samples()
