"""Settings of a whole test run."""

import os


def pytest_xdist_setupnodes():
    """Workers, one for each core, take one thread each; what the user has set stays."""
    for limit in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(limit, "1")
