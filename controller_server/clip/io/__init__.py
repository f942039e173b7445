"""Reading and writing clips, one file per format."""
