"""The one kind of error that is the user's to mend."""


class BadInput(ValueError):
    """Input the user can correct. The command line prints its one line and exits with 2."""


def require(condition: bool, message: str) -> None:
    """Raise `BadInput(message)` unless `condition` holds; for a config's `__post_init__`."""
    if not condition:
        raise BadInput(message)
