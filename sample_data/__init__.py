"""Procedural movies with ground truth, and small sample files. Importing this does not import torch."""
