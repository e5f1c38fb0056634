"""Methods that learn from examples without a network: one method, one file."""
