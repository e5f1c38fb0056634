"""How good a picture is: each measure a function of numpy arrays."""
