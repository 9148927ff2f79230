"""Runs each job in a process of its own, so that leaks, crashes and hangs end with the job."""
