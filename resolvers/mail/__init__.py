"""Mail: an outbox in the database, worked off by jobs, to an SMTP server or into files."""
