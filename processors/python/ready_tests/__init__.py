"""Tests of ready-made processors: `<family>_tests.py` runs in the environment of the family (tools/test.ts). The names keep them out of `unittest discover`, which knows no libraries."""
