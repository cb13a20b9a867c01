"""Every claim, and a mirror of each room."""

from beartype import BeartypeConf, beartype

check_types = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""How signatures are checked while tests run: an int is a float, as PEP 484 says."""
