"""Garbage collection in the test processes: it passes over the modules, which live as long as the process."""

from __future__ import annotations

import atexit
import gc

import pytest

# The modules that a process imports while it collects tests are millions of objects, none of which is garbage. To look
# through them again and again takes as long as to import them.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """From here on garbage is looked for, among what the tests make."""
    gc.freeze()
    gc.enable()


# At its end the interpreter frees the modules as it would have done.
atexit.register(gc.unfreeze)
