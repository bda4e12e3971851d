"""Protocols as pure dialogues: generators that yield requests, receive answers, and return an ending."""
