"""Animations of what recorders have kept."""

import os

from nrae_geometric.callbacks import CurveRecorder, ImageRecorder, Recorder
from nrae_geometric.visualization.curve_animation import CurveAnimation
from nrae_geometric.visualization.gif import Animation, write_gif
from nrae_geometric.visualization.image_animation import ImageAnimation


def write_animation(recorder: Recorder | None, path: str | os.PathLike[str]) -> None:
    """Draws the frames of a recorder and writes them as a looping GIF, whole or not at all.

    A :class:`~nrae_geometric.callbacks.CurveRecorder` shows the training: title, data, graph,
    epochs. An :class:`~nrae_geometric.callbacks.ImageRecorder` shows the images along the latent
    axis, there and back.

    Args:
        recorder (Recorder): A recorder that was among the callbacks of a training run.
        path (str or os.PathLike): The file. Missing folders are made.

    Raises:
        TypeError: If there is no animation for the recorder. None at all, as
            :func:`~nrae_geometric.callbacks.recorder_for` returns for other points than planar
            ones and images, has none either.
        ValueError: If nothing was recorded.
    """
    if not isinstance(recorder, CurveRecorder | ImageRecorder):
        given = "points without a recorder" if recorder is None else f"a {type(recorder).__name__}"
        raise TypeError(
            f"there is no animation for {given}; there are animations for planar points [N, 2] "
            "(CurveRecorder) and for images [N, C, H, W] or [N, H, W] (ImageRecorder)"
        )
    if not recorder.frames:
        raise ValueError(
            f"{recorder!r} has recorded nothing; train a model with it among the callbacks first"
        )
    animation: Animation
    if isinstance(recorder, CurveRecorder):
        animation = CurveAnimation(recorder)
    else:
        animation = ImageAnimation(recorder)
    write_gif(animation, path)
