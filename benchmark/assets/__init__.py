"""What is fetched: wheels and archives, checked by hash."""
