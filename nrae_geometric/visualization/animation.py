"""From a recorder to a GIF."""

import os

from nrae_geometric.callbacks.curve_recorder import CurveRecorder
from nrae_geometric.callbacks.image_recorder import ImageRecorder
from nrae_geometric.callbacks.recorder import Recorder
from nrae_geometric.visualization.curve_film import CurveFilm
from nrae_geometric.visualization.gif import Film, write_gif
from nrae_geometric.visualization.image_film import ImageFilm


def write_animation(recorder: Recorder, path: str | os.PathLike[str]) -> None:
    """Draw what a recorder has seen and write it as a looping GIF, atomically.

    A :class:`CurveRecorder` becomes the story of the training: title, data, graph, epochs. An
    :class:`ImageRecorder` becomes a journey along the latent axis and back.

    Args:
        recorder: A recorder that was a callback of a training run.
        path: File to write.

    Raises:
        ValueError: If nothing was recorded.
    """
    if not recorder.frames:
        raise ValueError(
            f"{recorder!r} has recorded nothing; train a model with it among the callbacks first"
        )
    film: Film
    if isinstance(recorder, CurveRecorder):
        film = CurveFilm(recorder)
    elif isinstance(recorder, ImageRecorder):
        film = ImageFilm(recorder)
    else:
        raise TypeError(f"there is no animation for a {type(recorder).__name__}")
    write_gif(film, path)
