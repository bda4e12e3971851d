"""The provisioning engine's library: a pure core, pure protocols, stages, adapters and their wiring."""
