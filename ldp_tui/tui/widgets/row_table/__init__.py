"""Tables of any length: a window over rows that someone else keeps."""

from ldp_tui.tui.widgets.row_table.source import Cell, Column, RowSource
from ldp_tui.tui.widgets.row_table.table import RowTable

__all__ = ["Cell", "Column", "RowSource", "RowTable"]
