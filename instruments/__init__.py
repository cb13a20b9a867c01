"""How things are measured or solved where more than one experiment needs it; double precision."""

import jax

jax.config.update("jax_enable_x64", True)
