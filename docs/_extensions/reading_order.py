"""The order in which scripts are listed: what is needed first comes first."""

from pathlib import Path

ORDER = (
    *("own_table", "images", "mnist", "denoising", "choosing", "graph_encoder", "decoder_layer"),
    *("joining_arms", "geodesic_start", "taylor_mode", "exact_search"),
    *("spiral", "digits", "mnist_plane", "breast_cancer"),
)


def place(script: str) -> tuple[int, str]:
    """Returns what scripts are sorted by; those that are not listed come last, by name."""
    name = Path(script).stem
    return ORDER.index(name) if name in ORDER else len(ORDER), name
