"""Runs that can be repeated and resumed: the recipe, the batches, the run and its checkpoint."""
