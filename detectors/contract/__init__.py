"""The detector contract: base classes, and the checks that every detector passes."""
