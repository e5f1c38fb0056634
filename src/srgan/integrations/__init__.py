"""Our networks inside programs of others."""
