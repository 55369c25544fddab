"""The ``headpose`` command: one module a sub-command; what they do lives in the rooms below."""
