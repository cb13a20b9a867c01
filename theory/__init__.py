"""What is predicted: closed forms, bounds and exponents, one module per paper; double precision."""

import jax

jax.config.update("jax_enable_x64", True)
