"""Measuring on labelled photos: readers of data sets, pure metrics, and protocols that end in JSON."""
