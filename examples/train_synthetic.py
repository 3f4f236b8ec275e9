"""Trains one of the published experiments on points of a curve.

    python examples/train_synthetic.py --config configs/NRAEL_toy_denoising.yml --device 0

All options are those of ``nrae train``; settings are changed like --training.num_epochs 100.
"""

import sys

from nrae_geometric.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
