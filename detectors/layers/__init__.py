"""Layers and augmentations shared by several networks."""
