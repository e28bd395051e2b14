"""The audit log: who did what to which object and why, chained by hashes so that a change shows."""
