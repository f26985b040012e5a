"""Work that transactions leave behind: claimed by workers, done once, tried again when it fails."""
