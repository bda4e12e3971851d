"""One Lambda a file: parse, call one stage, return."""
