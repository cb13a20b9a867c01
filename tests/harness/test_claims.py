"""The vocabulary of an experiment: what breaks its rules is refused, what keeps them is judged.

Every test starts from one small whole experiment, `EXPERIMENT`, and changes one thing in it.
"""

import dataclasses
import importlib
import math
import sys
from pathlib import Path

import jaxtyping
import numpy as np
import pytest

from harness import discovery
from harness.claims import ClaimError, Control, Runs, broken, rival
from harness.decisions import DecisionError, Verdict
from harness.running import Session

TOY_PROJECT = Path(__file__).parent / "toy_project"

SETTING = '''"""Means of samples.

A story
in two lines.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

from harness.claims import broken, claim, measurement, rival
from harness.decisions import at_most, equals

MEASURED = []


@dataclass(frozen=True)
class Config:
    repetitions: int = 20
    mean: float = 1.0


SIZES = {"ci": Config(), "figure": Config(repetitions=30), "paper": Config(repetitions=40)}


class Sample(NamedTuple):
    values: np.ndarray


@measurement
def gather(config: Config, key) -> Sample:
    MEASURED.append(config)
    return Sample(config.mean + 0.1 * jax.random.normal(key, (config.repetitions,)))


@measurement
def gather_again(config: Config, key) -> Sample:
    return Sample(config.mean + 0.1 * jax.random.normal(key, (config.repetitions,)))
'''

CLAIMS = '''

@claim(
    gather,
    kind="value",
    source="Theorem 1",
    tolerance=0.5,
    controls=[broken("Another mean.", mean=2.0), rival("Rival: three.", predicted=3.0)],
)
def mean_is_one(run, config, predicted=1.0):
    r"""The mean is $1$."""
    return equals(run.values, predicted, margin=0.2)


@claim(
    gather,
    kind="bound",
    source="derived",
    tolerance=0.5,
    controls=[broken("A smaller mean obeys.", mean=0.1)],
    expect="refuted",
    reason="The mean is one.",
)
def mean_is_small(run, config):
    r"""The mean is at most $1/2$."""
    return at_most(run.values, 0.5)
'''

PICTURE = """

def draw(runs, config):
    return Figure()
"""

EXPERIMENT = SETTING + CLAIMS + PICTURE


@pytest.fixture
def project(monkeypatch):
    """Puts the packages of a project's folder in the place of this repository's."""

    def forget():
        names = [name for name in sys.modules if name.split(".")[0] in ("experiments", "theory")]
        return {name: sys.modules.pop(name) for name in names}

    others = forget()
    yield monkeypatch.syspath_prepend
    forget()
    sys.modules.update(others)


@pytest.fixture
def load(tmp_path, project):
    """Loads `EXPERIMENT` as topic/means, with texts replaced by others."""

    def load_changed(*changes):
        text = EXPERIMENT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        folder = tmp_path / "experiments" / "topic"
        folder.mkdir(parents=True)
        for package in (folder, folder.parent):
            (package / "__init__.py").touch()
        (folder / "means.py").write_text(text)
        project(str(tmp_path))
        return discovery.load("topic/means")

    return load_changed


@pytest.fixture
def toy(project):
    """The toy project's experiment."""
    project(str(TOY_PROJECT))
    return discovery.load("games/coin")


def claim_called(experiment, name):
    return next(claim for claim in experiment.claims if claim.name == name)


def measured():
    """Configs that the experiment at hand was measured under, in order."""
    return importlib.import_module("experiments.topic.means").MEASURED


def complaints(session):
    return [complaint for row in session.rows() for complaint in row.complaints]


CONTROLS = 'controls=[broken("Another mean.", mean=2.0), rival("Rival: three.", predicted=3.0)]'
DECLARATIONS = {
    "a claim without a control": ((CONTROLS, "controls=[]"), "no control"),
    "a claim without a statement": (('r"""The mean is $1$."""', "pass"), "no statement"),
    "an unknown kind": (('kind="value"', 'kind="guess"'), "kind 'guess'"),
    "a tolerance of zero": (("tolerance=0.5", "tolerance=0.0"), "tolerance 0.0"),
    "a negative tolerance": (("tolerance=0.5", "tolerance=-0.1"), "tolerance -0.1"),
    "a tolerance of NaN": (("tolerance=0.5", 'tolerance=float("nan")'), "tolerance nan"),
    "a refutation without a reason": (('reason="The mean is one."', 'reason=""'), "reason"),
    "a reason without a refutation": (('expect="refuted"', 'expect="supported"'), "reason"),
    "an unknown argument of a rival": (("predicted=3.0", "expected=3.0"), "no argument expected"),
    "a rival that changes nothing": ((", predicted=3.0", ""), "no argument to change"),
    "an unknown parameter broken": (("mean=2.0", "median=2.0"), "unknown parameters.*median"),
    "nothing broken": ((", mean=2.0", ""), "no parameter to change"),
    "a measurement without a result type": ((" -> Sample:", ":"), "NamedTuple"),
    "a measurement of a bare array": ((" -> Sample:", " -> np.ndarray:"), "NamedTuple"),
    "a measurement of a bare tuple": ((" -> Sample:", " -> tuple:"), "NamedTuple"),
    "no Config": (("Config", "Parameters"), "no Config"),
    "no SIZES": (("SIZES", "KINDS"), "no SIZES"),
    "no draw": (("def draw", "def paint"), "no draw"),
    "a missing size": ((', "paper": Config(repetitions=40)', ""), "sizes ci, figure, paper"),
    "a size too many": (('"paper":', '"huge": Config(), "paper":'), "sizes ci, figure, paper"),
    "no claim": ((CLAIMS, ""), "claims nothing"),
}


class TestDeclarations:
    """An experiment that breaks the rules cannot even be loaded."""

    @pytest.mark.parametrize(("change", "message"), DECLARATIONS.values(), ids=DECLARATIONS)
    def test_loading_fails_and_says_why(self, load, monkeypatch, change, message):
        """As in use: without the checks of argument types that the test suite adds."""
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
        with pytest.raises(ClaimError, match=message):
            load(change)

    def test_a_whole_experiment_loads_as_it_is_written(self, load):
        experiment = load()
        assert experiment.paper == "topic/means"
        assert experiment.title == "Means of samples"
        assert experiment.story == "A story\nin two lines."
        assert [measurement.name for measurement in experiment.measurements] == [
            "gather",
            "gather_again",
        ]
        assert [claim.name for claim in experiment.claims] == ["mean_is_one", "mean_is_small"]
        assert set(experiment.sizes) == {"ci", "figure", "paper"}

    def test_a_claim_knows_what_it_says_and_how_its_controls_must_turn(self, load):
        one, small = load().claims
        assert (one.statement, one.source, one.kind) == (
            "The mean is $1$.",
            "Theorem 1",
            "value",
        )
        assert (one.expect, one.control_verdict) == (Verdict.SUPPORTED, Verdict.REFUTED)
        assert (small.expect, small.control_verdict) == (Verdict.REFUTED, Verdict.SUPPORTED)
        assert small.reason == "The mean is one."

    def test_a_claim_without_a_number_may_tolerate_any_error(self, load):
        experiment = load(("tolerance=0.5", 'tolerance=float("inf")'))
        assert experiment.claims[0].tolerance == math.inf

    def test_controls_say_what_they_change(self):
        assert broken("why", mean=2.0) == Control("why", config={"mean": 2.0})
        assert rival("why", predicted=3.0) == Control("why", arguments={"predicted": 3.0})

    def test_the_toy_project_loads(self, toy):
        assert [claim.name for claim in toy.claims] == ["coin_is_fair", "heads_are_rare"]


class TestMeasuring:
    """A session measures each thing once, and controls at ci size."""

    def test_every_measurement_is_made_once(self, load):
        experiment = load()
        session = Session(experiment, size="figure")
        session.rows()
        session.rows()
        session.runs()
        config, made = experiment.config, measured()
        assert len(made) == len(set(made))
        assert set(made) == {
            config(repetitions=30),
            config(repetitions=20),
            config(repetitions=20, mean=2.0),
            config(repetitions=20, mean=0.1),
        }

    def test_nothing_is_measured_before_it_is_asked_for(self, load):
        Session(load())
        assert measured() == []

    def test_controls_run_at_ci_size_whatever_the_session_does(self, load):
        """At another size, and under a config of its own."""
        experiment = load()
        other = experiment.config(repetitions=50, mean=1.1)
        for session in (
            Session(experiment, size="paper"),
            Session(experiment, size="figure", config=other),
        ):
            for claim in experiment.claims:
                for control in claim.controls:
                    measured().clear()
                    assert session.control(claim, control).repetitions == 20
                    expected = dataclasses.replace(experiment.sizes["ci"], **control.config)
                    assert set(measured()) <= {expected}
        assert session.evidence(experiment.claims[0]).repetitions == 50

    def test_claims_are_judged_under_the_sessions_config(self, load):
        experiment = load()
        config = experiment.config(repetitions=50, mean=1.1)
        row = Session(experiment, size="figure", config=config).rows()[0]
        assert row.repetitions == 50
        assert row.config == {"repetitions": 50, "mean": 1.1}
        assert row.measured == pytest.approx([1.1], abs=0.1)

    def test_progress_names_the_measurement_and_what_a_control_changes(self, load):
        told = []
        Session(load(), report=told.append).rows()
        assert told == ["gather", "gather with mean=2.0", "gather with mean=0.1"]

    def test_results_are_plain_numpy_found_by_their_measurement(self, load):
        experiment = load()
        runs = Session(experiment).runs()
        gather, again = experiment.measurements
        assert isinstance(runs, Runs)
        assert type(runs[gather].values) is np.ndarray
        assert [name for name, _ in runs.items()] == ["gather", "gather_again"]
        assert not np.array_equal(runs[gather].values, runs[again].values)

    def test_data_that_no_rule_judges_are_reported_with_paper_and_claim(self, load):
        experiment = load(("config.mean + ", "float('nan') + "))
        with pytest.raises(DecisionError, match=r"topic/means\.mean_is_one: .*NaN"):
            Session(experiment).rows()


class TestSeeds:
    """One seed, one set of numbers."""

    @pytest.mark.parametrize("seed", [0, 1, 2**31])
    def test_the_same_seed_gives_identical_rows_but_for_time_and_memory(self, toy, seed):
        def numbers():
            rows = Session(toy, seed=seed).rows()
            return [dataclasses.replace(row, wall_seconds=0.0, peak_memory_bytes=0) for row in rows]

        assert numbers() == numbers()

    def test_different_seeds_give_different_numbers(self, toy):
        measurements = {Session(toy, seed=seed).rows()[0].measured[0] for seed in range(5)}
        assert len(measurements) > 1

    def test_rows_carry_where_they_come_from(self, toy):
        row = Session(toy, size="figure", seed=7).rows()[0]
        assert (row.paper, row.claim, row.size, row.seed) == (
            "games/coin",
            "coin_is_fair",
            "figure",
            7,
        )
        assert row.config == {"tosses": 8000, "bias": 0.0}
        assert set(row.versions) == {"python", "jax", "jaxlib", "numpy", "scipy"}
        assert row.wall_seconds > 0
        assert row.peak_memory_bytes > 2**20
        assert [control.because for control in row.controls] == [
            "A biased coin is not fair.",
            "Rival: heads three times in four.",
        ]
        assert row.controls[0].changes == {"bias": 0.3}


class TestComplaints:
    """A row complains of whatever is not as it should be, and of nothing else."""

    def test_a_sound_experiment_has_none(self, load):
        assert complaints(Session(load())) == []

    @pytest.mark.parametrize("size", ["ci", "figure", "paper"])
    def test_the_toy_project_has_none(self, toy, size):
        assert complaints(Session(toy, size=size)) == []

    def test_of_a_verdict_other_than_the_expected_one(self, load):
        experiment = load()
        session = Session(experiment, config=experiment.config(mean=2.0))
        assert complaints(session) == ["mean_is_one is refuted, expected supported"]

    def test_of_a_claim_that_was_to_be_refuted_and_is_not(self, load):
        experiment = load()
        session = Session(experiment, config=experiment.config(mean=0.1))
        assert "mean_is_small is supported, expected refuted" in complaints(session)

    def test_of_a_verdict_left_open(self, load):
        experiment = load()
        session = Session(experiment, config=experiment.config(repetitions=1))
        assert complaints(session) == [
            "mean_is_one is inconclusive, expected supported",
            "mean_is_small is inconclusive, expected refuted",
        ]

    def test_of_a_broken_assumption_that_does_not_turn_the_verdict(self, load):
        session = Session(load(("mean=2.0", "mean=1.01")))
        assert complaints(session) == [
            "control of mean_is_one is supported, must be refuted: Another mean."
        ]

    def test_of_a_rival_that_does_not_turn_the_verdict(self, load):
        session = Session(load(("predicted=3.0", "predicted=1.01")))
        assert complaints(session) == [
            "control of mean_is_one is supported, must be refuted: Rival: three."
        ]

    def test_of_a_control_that_leaves_the_verdict_open(self, load):
        session = Session(load(("mean=2.0", "repetitions=1")))
        assert complaints(session) == [
            "control of mean_is_one is inconclusive, must be refuted: Another mean."
        ]

    def test_of_a_refuted_claim_whose_control_does_not_support(self, load):
        session = Session(load(("mean=0.1", "mean=0.9")))
        assert complaints(session) == [
            "control of mean_is_small is refuted, must be supported: A smaller mean obeys."
        ]

    def test_of_a_sharpness_worse_than_the_tolerance(self, load):
        """A margin of 0.2 around 1 hides errors below a fifth: an error of 1% goes unnoticed."""
        experiment = load(("tolerance=0.5", "tolerance=0.01"))
        session = Session(experiment)
        row, _ = session.rows()
        assert 0.2 < row.sharpness < 0.5
        assert complaints(session) == [
            f"mean_is_one would notice an error of {row.sharpness:.1%} only, asked is 1.0%"
        ]
