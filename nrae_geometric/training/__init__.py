"""The training loop: :class:`Trainer` fits any module with a ``loss(batch)`` to any loader."""

from nrae_geometric.training.callback import Callback
from nrae_geometric.training.processes import is_first_process
from nrae_geometric.training.schedule import (
    OneCycle,
    Schedule,
    gentle_schedule,
    published_schedule,
)
from nrae_geometric.training.trainer import Trainer

__all__ = [
    "Callback",
    "OneCycle",
    "Schedule",
    "Trainer",
    "gentle_schedule",
    "is_first_process",
    "published_schedule",
]
