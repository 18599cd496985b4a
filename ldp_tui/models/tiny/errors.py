"""What can be wrong with a model's folder."""

from __future__ import annotations

from ldp_tui.core.errors import UsageError


class ModelFolderError(UsageError):
    """A folder that holds no model, or one of another kind than is run here."""
