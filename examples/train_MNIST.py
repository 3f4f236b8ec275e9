"""Trains one of the published experiments on a rotated or shifted digit.

    python examples/train_MNIST.py --config configs/NRAEQ_mnist_rotated.yml --device 0

MNIST is read from the configured data.training.root, from the folder that NRAE_DATA names, or
from ~/.cache/nrae_geometric, where it is downloaded to when it is in none of them. All options
are those of ``nrae train``; settings are changed like --data.training.digit 7.
"""

import sys

from nrae_geometric.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
