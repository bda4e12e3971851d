"""The ports on AWS. Only this folder imports the SDK."""
