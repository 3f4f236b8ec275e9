"""Options that several commands share."""

import argparse


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds ``--device``."""
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, or the number of a GPU (default: auto)"
    )


def add_logdir(parser: argparse.ArgumentParser, folder: str) -> None:
    """Adds ``--logdir``, within which the results go to the given folder."""
    parser.add_argument(
        "--logdir",
        default="results",
        metavar="DIR",
        help=f"results go to DIR/{folder} (default: results)",
    )
