"""The detector contract: base classes, registry and conformance checks."""
