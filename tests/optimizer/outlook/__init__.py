"""Tests of `optimizer/outlook`."""
