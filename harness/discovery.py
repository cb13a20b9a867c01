"""Find experiments and load them: a paper is a module two levels below `experiments/`."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput

if TYPE_CHECKING:  # at run time only `load` needs them: listing papers need not wait for JAX
    from harness.claims import Claim, Draw, Measurement

SIZES = ("ci", "figure", "paper")
"""Seconds in the tests; up to a minute for the figures; the regime of the theorem."""


@dataclass(frozen=True)
class Experiment:
    """One paper's experiment, as its module declares it."""

    paper: str
    title: str
    story: str
    config: type
    sizes: Mapping[str, Any]
    measurements: tuple[Measurement[Any], ...]
    claims: tuple[Claim, ...]
    draw: Draw


def root() -> Path:
    """The folder that holds `experiments/`, `theory/`, `figures/`."""
    spec = importlib.util.find_spec("experiments")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput("no package 'experiments' on the Python path: run from the project's root")
    return Path(next(iter(spec.submodule_search_locations))).resolve().parent


def papers() -> list[str]:
    """Names of all papers, `topic/paper`, in alphabetical order."""
    folder = root() / "experiments"
    found = (path.relative_to(folder) for path in folder.glob("*/*.py"))
    return sorted(path.with_suffix("").as_posix() for path in found if path.stem != "__init__")


def results(paper: str) -> tuple[Path, Path, Path]:
    """Where a paper's evidence, arrays and figure are."""
    folder, name = (root() / "figures" / paper).parent, Path(paper).name
    return folder / f"{name}.json", folder / f"{name}.npz", folder / f"{name}.svg"


def find(name: str) -> str:
    """The paper called `name`, with or without its topic.

    Raises:
        BadInput: nothing is called so; the nearest names are in the message.
    """
    known = papers()
    name = name.removeprefix("experiments/").removesuffix(".py")
    matches = [paper for paper in known if name in (paper, paper.split("/")[1])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BadInput(f"{name!r} is ambiguous: {', '.join(matches)}")
    short = {paper.split("/")[1]: paper for paper in known}
    near = difflib.get_close_matches(name, [*known, *short], n=3, cutoff=0.4)
    nearest = list(dict.fromkeys(short.get(candidate, candidate) for candidate in near))
    hint = f"nearest: {', '.join(nearest)}" if nearest else "see 'python -m harness list'"
    raise BadInput(f"no paper called {name!r}; {hint}")


def load(name: str) -> Experiment:
    """Import a paper's experiment and check that it is whole."""
    from harness.claims import Claim, ClaimError, Measurement

    paper = find(name)
    module = importlib.import_module("experiments." + paper.replace("/", "."))
    title, _, story = (inspect.getdoc(module) or "").partition("\n")
    members = vars(module)
    for needed in ("Config", "SIZES", "draw"):
        if needed not in members:
            raise ClaimError(f"experiment {paper} has no {needed}")
    if set(module.SIZES) != set(SIZES):
        raise ClaimError(f"experiment {paper} must have the sizes {', '.join(SIZES)}")
    experiment = Experiment(
        paper=paper,
        title=title.rstrip("."),
        story=story.strip(),
        config=module.Config,
        sizes=module.SIZES,
        measurements=tuple(m for m in members.values() if isinstance(m, Measurement)),
        claims=tuple(c for c in members.values() if isinstance(c, Claim)),
        draw=module.draw,
    )
    if not experiment.claims:
        raise ClaimError(f"experiment {paper} claims nothing")
    fields = {field.name for field in dataclasses.fields(experiment.config)}
    for claim in experiment.claims:
        for control in claim.controls:
            if unknown := set(control.config) - fields:
                raise ClaimError(
                    f"{paper}.{claim.name} breaks unknown parameters {sorted(unknown)}"
                )
    return experiment
