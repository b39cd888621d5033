"""What people answered and how consistently: tables and models of the observers."""
