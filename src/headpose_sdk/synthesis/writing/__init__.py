"""Folders of drawn heads: processes, resuming, the manifest, the contact sheet."""
