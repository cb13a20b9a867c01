"""What probability says of a coin."""


def chance_of_heads(bias: float) -> float:
    r"""Chance of heads, $\tfrac12+b$."""
    return 0.5 + bias
