"""The animation of a recorded training run."""

import os

from nrae_geometric.callbacks.curve_recorder import CurveRecorder
from nrae_geometric.callbacks.image_recorder import ImageRecorder
from nrae_geometric.callbacks.recorder import Recorder
from nrae_geometric.visualization.curve_animation import CurveAnimation
from nrae_geometric.visualization.gif import Animation, write_gif
from nrae_geometric.visualization.image_animation import ImageAnimation


def write_animation(recorder: Recorder, path: str | os.PathLike[str]) -> None:
    """Draws the frames of a recorder and writes them as a looping GIF, whole or not at all.

    A :class:`~nrae_geometric.callbacks.CurveRecorder` becomes the course of the training: title,
    data, graph, epochs. An :class:`~nrae_geometric.callbacks.ImageRecorder` becomes a way along
    the latent axis and back.

    Args:
        recorder (Recorder): A recorder that was a callback of a training run.
        path (str or os.PathLike): The file to write.

    Raises:
        TypeError: If there is no animation for such a recorder.
        ValueError: If nothing was recorded.
    """
    if not recorder.frames:
        raise ValueError(
            f"{recorder!r} has recorded nothing; train a model with it among the callbacks first"
        )
    animation: Animation
    if isinstance(recorder, CurveRecorder):
        animation = CurveAnimation(recorder)
    elif isinstance(recorder, ImageRecorder):
        animation = ImageAnimation(recorder)
    else:
        raise TypeError(f"there is no animation for a {type(recorder).__name__}")
    write_gif(animation, path)
