"""The shapes of the functions that ReLU networks draw: knots, pieces, folds."""
