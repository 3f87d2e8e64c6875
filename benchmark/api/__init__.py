"""What the command line and Python programs call: whole runs, reports, trainings and results."""
