"""How gradient descent moves a ReLU network, from its first step to its last."""
