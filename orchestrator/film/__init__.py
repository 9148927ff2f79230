"""Makes a film in pieces: plans it once, makes each piece on any worker, and assembles the pieces."""
