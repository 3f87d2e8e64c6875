"""Any transform of the library audiomentations as an attack, in a worker process."""
