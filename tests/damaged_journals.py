"""Names of a journal's files, and who labels in it."""

FILE, LOG, COPY = "journal.sqlite", "journal.sqlite-wal", "journal.copy"
ME = "me"
