"""Loudspeakers, microphones, and replay through both."""
