"""Pictures of environments in terminal cells, at frame rate."""

from ldp_tui.tui.widgets.frame_view.view import FrameStats, FrameView, PictureLike

__all__ = ["FrameStats", "FrameView", "PictureLike"]
