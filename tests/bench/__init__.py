"""How fast eligibility is decided, beside what else could decide it."""
