"""From a released report to the files that are delivered: HTML, and PDF made in a process of its own.

`artifacts` is what the pipeline calls; `RendererProcess` turns HTML into PDF; `check_accessible` refuses a PDF that a
screen reader could not follow.
"""

from ror_service.rendering.accessibility import AccessibilityError, check_accessible
from ror_service.rendering.artifacts import Artifact, artifacts
from ror_service.rendering.process import RendererProcess, RenderingError

__all__ = [
    "AccessibilityError",
    "Artifact",
    "RendererProcess",
    "RenderingError",
    "artifacts",
    "check_accessible",
]
