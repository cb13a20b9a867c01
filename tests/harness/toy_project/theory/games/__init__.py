"""Toy project for tests of the harness."""
