"""From a released report to the files that are delivered: HTML, and PDF made in a process of its own.

`artifacts` is what the pipeline calls; `RendererProcess` turns HTML into PDF; `check_accessible` refuses a PDF that a
screen reader could not follow, `check_archivable` one that could not be kept for long.
"""

from ror_service.rendering.accessibility import AccessibilityError, check_accessible
from ror_service.rendering.archive import ArchiveError, check_archivable
from ror_service.rendering.artifacts import Artifact, artifacts
from ror_service.rendering.process import RendererProcess, RenderingError

__all__ = [
    "AccessibilityError",
    "ArchiveError",
    "Artifact",
    "RendererProcess",
    "RenderingError",
    "artifacts",
    "check_accessible",
    "check_archivable",
]
