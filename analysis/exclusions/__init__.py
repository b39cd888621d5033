"""Which responses are not analysed, and why."""
