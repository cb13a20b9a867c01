"""Why networks that fit their training data do, or do not, generalise."""
