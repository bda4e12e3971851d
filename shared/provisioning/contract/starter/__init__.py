"""What `provision new source` writes, for a source called my-idms: the modules here are its texts, and no one's code."""
