"""Make `mnist_subset.npz` from MNIST's original files; the same bytes come out every time.

python -m data.make_mnist_subset FOLDER
"""

from pathlib import Path

import numpy as np
import tyro

from instruments.handwritten_digits import SUBSET, mnist

IMAGES_PER_DIGIT = 500


def make(folder: tyro.conf.Positional[Path]) -> None:
    """Write the first 500 training images of each digit.

    Args:
        folder: where MNIST's four original files are, unpacked.
    """
    train, _ = mnist(folder)
    firsts = [np.flatnonzero(train.labels == digit)[:IMAGES_PER_DIGIT] for digit in range(10)]
    chosen = np.sort(np.concatenate(firsts))
    images = np.round(train.images[chosen] * 255).astype(np.uint8)
    np.savez_compressed(SUBSET, images=images, labels=train.labels[chosen].astype(np.uint8))


if __name__ == "__main__":
    tyro.cli(make)
