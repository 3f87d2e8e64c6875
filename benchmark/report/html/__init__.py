"""The HTML report: one self-contained file made of a run's tables and scores.

Each module turns one part of the results into plain values, and the template of the same name
writes them down, escaping every value. The charts are SVG written here rather than by a plotting
library: a path of whole numbers takes a twentieth of what matplotlib writes for the same curve,
follows the page's colours in the light and in the dark, and can be swapped by the page's script.
"""

from benchmark.report.html.document import render
from benchmark.report.html.samples_section import Samples

__all__ = ["Samples", "render"]
