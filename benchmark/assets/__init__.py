"""Downloaded assets: wheels, files and archives, checked by hash."""
