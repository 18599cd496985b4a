"""Forms that are made from the JSON Schema of a tool."""

from ldp_tui.tui.widgets.tool_form.form import ToolForm

__all__ = ["ToolForm"]
