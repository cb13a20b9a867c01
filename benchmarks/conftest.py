"""How benchmarks keep what they found."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import pytest

RESULTS = Path(__file__).with_name("results.json")


@pytest.fixture
def record(request):
    """Keep a ratio and its times, with the versions of what the module lists as PACKAGES."""
    packages = {package: version(package) for package in request.module.PACKAGES}

    def keep(name, value, **seconds):
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        results[name] = {
            "value": float(f"{value:.3g}"),
            "seconds": {key: float(f"{number:.3g}") for key, number in seconds.items()},
            "versions": {"python": platform.python_version(), **packages},
        }
        RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")

    return keep
