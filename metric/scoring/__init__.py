"""Many pairs of a study: read, scored under several metrics, written, and compared with what people saw."""
