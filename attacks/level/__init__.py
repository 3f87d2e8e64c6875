"""Level and amplitude: gain control, compression, clipping, quantisation."""
