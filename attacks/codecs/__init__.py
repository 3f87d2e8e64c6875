"""Lossy codecs: media, telephony and waveform codecs, and the code that runs them."""
