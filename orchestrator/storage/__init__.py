"""Downloads inputs and uploads outputs over http(s), and stages local output files."""
