"""Ready-made processors that are Python: a model file in, a service out. One module a family."""
