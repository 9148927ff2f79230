"""Everything that touches a media file: what it is, its pictures, and the file that is written. Imports av."""
