"""Imports by one thread at a time. Two threads that load modules of one circle can see each other's half-made ones."""

from __future__ import annotations

import threading
from typing import Final

ONE_AT_A_TIME: Final = threading.RLock()
"""Held around the imports that happen after start: screens when first shown, and what background threads load."""
