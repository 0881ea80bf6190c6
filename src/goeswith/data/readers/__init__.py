"""From whatever the user has, files or frames, to one lazy table of rows as they were written."""

from goeswith.data.readers.source import Source, Table, open_table

__all__ = ["Source", "Table", "open_table"]
