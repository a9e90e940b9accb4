"""Simulation: the real flows over a folder and a database, killed between any two steps, restarted, and checked."""
