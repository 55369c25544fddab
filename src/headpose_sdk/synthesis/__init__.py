"""Heads drawn from CC0 parts with exact pose labels. Speaks to training through folders on disk."""
