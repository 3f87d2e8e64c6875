"""Networks trained here, one file each."""
