"""The sample federation: two universities and a research consortium that share a wiki and a computing cluster."""
