"""Tests; features/ holds the scenarios."""
