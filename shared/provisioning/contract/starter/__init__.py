"""What `provision new source` writes, for a source called my-idms: texts that nobody imports."""
