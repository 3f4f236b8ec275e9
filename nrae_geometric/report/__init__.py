"""One page about a trained model, which opens anywhere: a single HTML file without a network.

:func:`estimator_subject` and :func:`run_subject` say what it is about; :func:`make_report` measures
that and returns the :class:`Report`, which is written to a file or shown in a notebook.

The page's own scripts draw points by WebGL and run the decoder. They are some 40 kB, against the
4.5 MB of a plotting library, and need no code made at run time, which the page's policy forbids.
"""

from nrae_geometric.report.page import Report, make_report, small_picture
from nrae_geometric.report.run import run_subject
from nrae_geometric.report.subject import Subject, estimator_subject

__all__ = [
    "Report",
    "Subject",
    "estimator_subject",
    "make_report",
    "run_subject",
    "small_picture",
]
