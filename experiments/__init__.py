"""What is run: one module per paper, readable top to bottom."""
