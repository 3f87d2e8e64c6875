"""The rows of every result table: what the columns of the CSV files and of the JSON are."""
