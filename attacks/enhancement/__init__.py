"""Speech enhancement: noise suppression, gain control, and chains of FFmpeg's filters."""
