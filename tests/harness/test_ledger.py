"""The ledger: what is written comes back exactly, what is damaged is refused, nothing is half."""

import contextlib
import dataclasses
import errno
import json
import math
import os
from pathlib import Path
from typing import NamedTuple

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.claims import Runs, measurement
from harness.decisions import Verdict
from harness.errors import BadInput
from harness.ledger import (
    ControlRow,
    Row,
    read_arrays,
    read_ledger,
    write_arrays,
    write_ledger,
    write_text,
)

CONTROL = ControlRow(
    points=[],
    predicted=[0.5],
    measured=[0.25],
    lower=[-math.inf],
    upper=[math.inf],
    region_low=[-math.inf],
    region_high=[math.inf],
    verdict=Verdict.REFUTED,
    because="Without signal there is nothing to learn: η ≥ ½.",
    changes={"signal": 0.0},
    expected=Verdict.REFUTED,
)
ROW = Row(
    points=["width 10", "width 20"],
    predicted=[1.0, 2.0],
    measured=[1.5, 2.5],
    lower=[-math.inf, 2.0],
    upper=[1.75, math.inf],
    region_low=[-math.inf, -math.inf],
    region_high=[math.inf, 3.0],
    verdict=Verdict.INCONCLUSIVE,
    paper="topic/paper",
    claim="means_are_small",
    statement=r"The mean is at most $\eta$.",
    source="Theorem 1",
    kind="bound",
    rule="at most",
    error_rate=1e-5,
    repetitions=10,
    sharpness=math.inf,
    tolerance=math.inf,
    expected=Verdict.SUPPORTED,
    reason="",
    controls=[CONTROL],
    size="ci",
    seed=3,
    config={"samples": 100, "noise": 0.1, "label": "a", "shapes": ((2, 64), (3, 16))},
    versions={"numpy": "2"},
    commit="abc+",
    device="cpu",
    wall_seconds=0.25,
    peak_memory_bytes=2**40,
)


class Sample(NamedTuple):
    """Two arrays."""

    values: np.ndarray
    hits: np.ndarray


class Other(NamedTuple):
    """An array of another name."""

    losses: np.ndarray


@measurement
def sample(config, key) -> Sample:
    return Sample(np.arange(key), np.ones((2, 3), bool))


@measurement
def other(config, key) -> Other:
    return Other(np.arange(key))


ARRAYS = Sample(np.linspace(0.0, 1.0, 20), np.array([[True, False], [False, True]]))


def assert_refused(read, path):
    """Reading raises `BadInput` whose message is one line that names the file."""
    with pytest.raises(BadInput) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message


def read_sample(path):
    return read_arrays(path, [sample])


class TestLedger:
    """Rows of verdicts as JSON."""

    def test_rows_come_back_as_they_were_with_infinities(self, tmp_path):
        rows = [ROW, dataclasses.replace(ROW, sharpness=0.03, tolerance=0.05, controls=[])]
        write_ledger(tmp_path / "claims.json", rows)
        assert read_ledger(tmp_path / "claims.json") == rows

    def test_verdicts_come_back_as_verdicts(self, tmp_path):
        write_ledger(tmp_path / "claims.json", [ROW])
        (row,) = read_ledger(tmp_path / "claims.json")
        found = [row.verdict, row.expected, row.controls[0].verdict, row.controls[0].expected]
        assert all(isinstance(verdict, Verdict) for verdict in found)

    @given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
    @settings(derandomize=True, deadline=None, max_examples=50)
    def test_every_float_survives_exactly(self, tmp_path_factory, values):
        path = tmp_path_factory.mktemp("ledger") / "claims.json"
        row = dataclasses.replace(ROW, measured=values, lower=values, wall_seconds=values[0])
        write_ledger(path, [row])
        (read,) = read_ledger(path)
        bits = [value.hex() for value in values]
        assert [value.hex() for value in read.measured] == bits
        assert [value.hex() for value in read.lower] == bits
        assert read.wall_seconds.hex() == bits[0]

    def test_the_file_is_json_that_any_reader_accepts(self, tmp_path):
        """NaN and Infinity are no JSON."""
        write_ledger(tmp_path / "claims.json", [ROW])

        def refuse(constant):
            raise AssertionError(f"{constant} in the file")

        text = (tmp_path / "claims.json").read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=refuse)
        assert document["claims"][0]["lower"] == [None, 2.0]

    def test_no_rows_are_a_ledger_too(self, tmp_path):
        write_ledger(tmp_path / "claims.json", [])
        assert read_ledger(tmp_path / "claims.json") == []

    def test_folders_are_made_as_needed(self, tmp_path):
        write_ledger(tmp_path / "a" / "b" / "claims.json", [ROW])
        assert read_ledger(tmp_path / "a" / "b" / "claims.json") == [ROW]

    def test_a_ledger_cut_off_anywhere_is_refused(self, tmp_path):
        path = tmp_path / "claims.json"
        write_ledger(path, [ROW])
        whole = path.read_bytes().rstrip()
        for length in range(0, len(whole), 7):
            path.write_bytes(whole[:length])
            assert_refused(read_ledger, path)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "null",
            "7",
            "{}",
            '{"format": 1}',
            '{"format": 2, "claims": []}',
            '{"format": "1", "claims": []}',
            '{"format": 1, "claims": null}',
            '{"format": 1, "claims": [null]}',
            '{"format": 1, "claims": ["row"]}',
            '{"format": 1, "claims": [{}]}',
            '{"format": 1, "claims": [{"controls": []}]}',
        ],
    )
    def test_what_is_no_ledger_is_refused(self, tmp_path, monkeypatch, text):
        """As in use: without the checks of argument types that the test suite adds."""
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
        path = tmp_path / "claims.json"
        path.write_text(text)
        assert_refused(read_ledger, path)

    @pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(Row)])
    def test_a_row_without_one_of_its_keys_is_refused(self, tmp_path, key):
        path = tmp_path / "claims.json"
        write_ledger(path, [ROW])
        document = json.loads(path.read_text())
        del document["claims"][0][key]
        path.write_text(json.dumps(document))
        assert_refused(read_ledger, path)

    def test_an_unknown_key_and_an_unknown_verdict_are_refused(self, tmp_path):
        path = tmp_path / "claims.json"
        write_ledger(path, [ROW])
        for change in ({"colour": "red"}, {"verdict": "maybe"}):
            document = json.loads(path.read_text())
            document["claims"][0] |= change
            damaged = tmp_path / "damaged.json"
            damaged.write_text(json.dumps(document))
            assert_refused(read_ledger, damaged)

    def test_bytes_that_are_no_text_are_refused(self, tmp_path):
        path = tmp_path / "claims.json"
        path.write_bytes(b"\xff\xfe\x00{}")
        assert_refused(read_ledger, path)

    def test_a_missing_file_and_a_folder_are_refused(self, tmp_path):
        assert_refused(read_ledger, tmp_path / "claims.json")
        assert_refused(read_ledger, tmp_path)


class TestArrays:
    """Measured arrays as npz."""

    def test_arrays_come_back_with_every_bit_shape_and_type(self, tmp_path):
        path = tmp_path / "paper.npz"
        extremes = np.array([0.1, -0.0, 5e-324, np.finfo(float).max, np.inf, np.nan])
        results = {"sample": ARRAYS, "other": Other(extremes)}
        write_arrays(path, Runs(results))
        runs = read_arrays(path, [sample, other])
        read = [runs[sample].values, runs[sample].hits, runs[other].losses]
        for array, was in zip(read, [*ARRAYS, extremes], strict=True):
            assert (array.dtype, array.shape) == (was.dtype, was.shape)
            assert array.tobytes() == was.tobytes()
        assert isinstance(runs[sample], Sample)

    def test_a_missing_file_says_to_run_the_paper(self, tmp_path):
        with pytest.raises(BadInput, match="run the paper first"):
            read_sample(tmp_path / "paper.npz")

    def test_results_of_other_measurements_are_refused(self, tmp_path):
        path = tmp_path / "paper.npz"
        write_arrays(path, Runs({"other": Other(np.ones(3))}))
        assert_refused(read_sample, path)

    def test_an_archive_cut_off_anywhere_is_refused(self, tmp_path):
        path = tmp_path / "paper.npz"
        write_arrays(path, Runs({"sample": ARRAYS}))
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            assert_refused(read_sample, path)

    def test_a_damaged_byte_is_refused_or_harmless(self, tmp_path):
        """Some bytes of an archive, dates for instance, carry no data; all others are noticed."""
        path = tmp_path / "paper.npz"
        write_arrays(path, Runs({"sample": ARRAYS}))
        whole = path.read_bytes()
        for place in range(len(whole)):
            for flip in (0x01, 0x80, 0xFF):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
                with contextlib.suppress(BadInput):
                    read = read_sample(path)[sample]
                    assert [array.tobytes() for array in read] == [a.tobytes() for a in ARRAYS]

    @pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04", b"\x80\x04N."])
    def test_what_is_no_archive_is_refused(self, tmp_path, content):
        path = tmp_path / "paper.npz"
        path.write_bytes(content)
        assert_refused(read_sample, path)

    def test_a_single_array_in_place_of_an_archive_is_refused(self, tmp_path):
        path = tmp_path / "paper.npz"
        with path.open("wb") as file:
            np.save(file, np.ones(3))
        assert_refused(read_sample, path)

    def test_pickled_objects_are_refused_and_never_run(self, tmp_path):
        path, trap = tmp_path / "paper.npz", tmp_path / "sprung"

        class Payload:
            def __reduce__(self):
                return Path.touch, (trap,)

        objects = np.array([Payload()], dtype=object)
        np.savez(path, **{"sample.values": objects, "sample.hits": ARRAYS.hits})
        assert_refused(read_sample, path)
        assert not trap.exists()


def write_rows(path):
    write_ledger(path, [ROW])


def write_sample(path):
    write_arrays(path, Runs({"sample": ARRAYS}))


def write_page(path):
    write_text(path, "new")


@pytest.mark.parametrize("write", [write_rows, write_sample, write_page])
class TestWriting:
    """A file is the old one or the new one, never half of one."""

    def test_a_new_file_replaces_the_old_one_and_leaves_nothing_beside_it(self, tmp_path, write):
        path = tmp_path / "file"
        path.write_text("old")
        write(path)
        assert path.read_bytes() != b"old"
        assert os.listdir(tmp_path) == ["file"]

    def test_files_are_as_readable_as_any_other(self, tmp_path, write):
        write(tmp_path / "file")
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644

    @pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
    def test_a_full_disk_at_any_step_is_one_clear_line_and_loses_nothing(
        self, tmp_path, monkeypatch, write, step
    ):
        def fail(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        path = tmp_path / "file"
        path.write_text("old")
        monkeypatch.setattr(os, step, fail)
        with pytest.raises(BadInput, match=r"cannot write .*file: No space left on device\Z"):
            write(path)
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["file"]

    def test_an_interruption_loses_nothing_and_leaves_nothing_behind(
        self, tmp_path, monkeypatch, write
    ):
        def interrupt(_):
            raise KeyboardInterrupt

        path = tmp_path / "file"
        path.write_text("old")
        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(path)
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["file"]

    def test_the_data_are_on_disk_before_the_name_is(self, tmp_path, monkeypatch, write):
        steps = []
        for step in ("fsync", "replace"):
            usual = getattr(os, step)
            monkeypatch.setattr(
                os, step, lambda *args, s=step, u=usual: (steps.append(s), u(*args))[1]
            )
        write(tmp_path / "file")
        assert steps == ["fsync", "replace"]

    @pytest.mark.parametrize("below", ["file", "folder/file"])
    def test_a_path_below_a_regular_file_is_refused_in_one_line(self, tmp_path, write, below):
        (tmp_path / "regular").write_text("old")
        with pytest.raises(BadInput, match="cannot write") as caught:
            write(tmp_path / "regular" / below)
        assert "\n" not in str(caught.value)
        assert (tmp_path / "regular").read_text() == "old"

    def test_a_folder_in_place_of_the_file_is_refused_and_kept(self, tmp_path, write):
        (tmp_path / "file").mkdir()
        with pytest.raises(BadInput, match="cannot write"):
            write(tmp_path / "file")
        assert os.listdir(tmp_path) == ["file"]


def test_rows_that_are_no_json_leave_the_old_ledger(tmp_path):
    path = tmp_path / "claims.json"
    write_rows(path)
    with pytest.raises(TypeError):
        write_ledger(path, [dataclasses.replace(ROW, config={"law": object()})])
    assert read_ledger(path) == [ROW]
    assert os.listdir(tmp_path) == ["claims.json"]
