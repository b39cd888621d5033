"""The migrations between versions of the tables, one module each, in Alembic's form.

A released migration is never changed, and imports nothing of this package: the tables will have moved on.
`upgrade.py` runs them. A new one raises `schema.HEAD`, and gets a dumped database of the version before in tests/data.
"""
