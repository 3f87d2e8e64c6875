"""Lossy codecs: media, telephony, waveform coding, and the engines that run them."""
