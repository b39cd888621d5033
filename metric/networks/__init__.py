"""Networks that give levels of features, and the elements that they are built of (Ghildyal & Liu 2022, Section 5)."""
