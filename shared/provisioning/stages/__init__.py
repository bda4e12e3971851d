"""The shell: one module a function. Load, ask the core, store, ring. Killed at any await, it can run again."""
