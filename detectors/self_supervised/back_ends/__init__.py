"""Back ends of published systems: the output of a speech encoder in, logits of two classes out.

Attribute names are the keys of the published weight files. What a back end computes was written
from the papers and from measurements on the authors' code, and agrees with it to 1e-4.
"""
