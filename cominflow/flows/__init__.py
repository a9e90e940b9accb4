"""Flows: one file per journey, the only place where the parts meet."""
