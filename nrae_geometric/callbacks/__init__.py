"""What takes part in a training run beside the loop."""

from nrae_geometric.callbacks.curve_recorder import CurveRecorder
from nrae_geometric.callbacks.embedding_start import warm_start
from nrae_geometric.callbacks.image_recorder import ImageRecorder
from nrae_geometric.callbacks.metrics import MetricRecorder
from nrae_geometric.callbacks.recorder import Frame, Recorder, frame_epochs
from nrae_geometric.callbacks.recorders import make_recorder

__all__ = [
    "CurveRecorder",
    "Frame",
    "ImageRecorder",
    "MetricRecorder",
    "Recorder",
    "frame_epochs",
    "make_recorder",
    "warm_start",
]
