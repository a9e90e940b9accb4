"""The tests: which kind goes where is in README.md of this folder."""
