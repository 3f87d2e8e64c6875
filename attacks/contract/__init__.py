"""What an attack is, how it is spelled and applied, and the suites and checks that rest on it."""
