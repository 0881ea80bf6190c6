"""Settings that suit a shop, found by trying them on a slice of time before the one that judges."""
