"""One self-contained HTML page about one conversion: what moved, how well, and with whose help."""

from .data import ReportData
from .page import render_report, write_report

__all__ = ["ReportData", "render_report", "write_report"]
