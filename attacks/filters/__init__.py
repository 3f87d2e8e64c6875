"""Band filters and equalisers, and the tools to design and measure them."""
