"""Filters: pass bands, equalisers, and the tools that design and measure them."""
