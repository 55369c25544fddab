"""Every choice about a head, from seed and number alone."""
