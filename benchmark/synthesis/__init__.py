"""Vocoders and text-to-speech systems, for the data set and for attacks."""
