"""How predictions and measurements are compared, run, stored and shown."""
