"""How to start a network: what its random weights do to signals and gradients."""
