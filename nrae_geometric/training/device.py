"""Devices to train on."""

import torch


def resolve_device(device: str | int | torch.device = "auto") -> torch.device:
    """Returns the device that is meant, and makes sure that it is there.

    Args:
        device (str, int or torch.device, optional): :obj:`"auto"` (the first GPU where there is
            one, else the CPU), :obj:`"cpu"`, the number of a GPU (:obj:`0` or :obj:`"0"`), or a
            device such as :obj:`"cuda:0"`. (default: :obj:`"auto"`)

    Raises:
        ValueError: If the name is not understood, or if there is no such GPU.
    """
    name = str(device)
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    elif name.isdecimal():
        name = f"cuda:{name}"
    try:
        resolved = torch.device(name)
    except RuntimeError:
        resolved = None
    if resolved is None or resolved.type not in ("cpu", "cuda"):
        raise ValueError(
            f"device {device!r} is not understood; use 'auto', 'cpu', the number of a GPU, "
            f"or 'cuda:0'"
        )
    if resolved.type == "cpu":
        return resolved
    index, count = resolved.index or 0, torch.cuda.device_count()
    if index >= count:
        found = "no GPU" if count == 0 else f"only {count} GPU{'s' * (count > 1)}"
        raise ValueError(
            f"device {device!r} asks for GPU {index}, but PyTorch finds {found} here; "
            f"use the device 'cpu' (on the command line: --device cpu)"
        )
    return torch.device("cuda", index)
