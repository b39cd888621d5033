"""The database: tables, access to them, and what is exported from them."""
