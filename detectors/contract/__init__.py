"""What a detector is, and the checks that every detector passes."""
