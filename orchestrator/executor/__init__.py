"""Each job in a process of its own: what it leaks, crashes or blocks ends with it."""
