"""What every adapter of a port must do, as behaviours that a test runs: ours, and those that operators write.

No function imports any of it, and it is not in their bundle.
"""
