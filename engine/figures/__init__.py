"""Publication figures from stored arrays; the only package that imports matplotlib."""
