"""Callbacks of the training loop: where it starts, when it stops, and what it records."""

from nrae_geometric.callbacks.curve_recorder import CurveRecorder
from nrae_geometric.callbacks.early_stopping import EarlyStopping
from nrae_geometric.callbacks.embedding_start import EmbeddingStart
from nrae_geometric.callbacks.image_recorder import ImageRecorder
from nrae_geometric.callbacks.metric_recorder import MetricRecorder
from nrae_geometric.callbacks.recorder import Frame, Recorder, frame_epochs, recorder_for

__all__ = [
    "CurveRecorder",
    "EarlyStopping",
    "EmbeddingStart",
    "Frame",
    "ImageRecorder",
    "MetricRecorder",
    "Recorder",
    "frame_epochs",
    "recorder_for",
]
