"""The web page of `launderbench serve`: a visitor's clip, laundered and scored; leaderboards."""
