"""What laundering costs its attacker: intelligibility, overall quality and the speaker's voice."""
