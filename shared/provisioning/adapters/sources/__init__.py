"""Sources that are asked: one module for each technology. Their libraries are imported by who opens one."""
