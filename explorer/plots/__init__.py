"""Plot items of our own: rasters of many points, lassos, marks."""
