"""What is predicted: closed forms, bounds and exponents, one module per paper."""
