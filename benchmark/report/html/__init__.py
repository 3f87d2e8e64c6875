"""The HTML report: one self-contained file with a run's tables and scores.

Each module converts one part of the results to plain values, and a template inserts them, escaping
every value. The charts are SVG written here, not by a plotting library. A path of whole numbers
takes a twentieth of the size that matplotlib writes for the same curve, follows the page's light
and dark colours, and can be replaced by the page's script.
"""

from benchmark.report.html.document import PAGE, render
from benchmark.report.html.samples_section import Samples

__all__ = ["PAGE", "Samples", "render"]
