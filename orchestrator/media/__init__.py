"""Everything that touches a media file; the only room that imports av."""
