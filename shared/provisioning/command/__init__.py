"""The `provision` command line."""
