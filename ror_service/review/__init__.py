"""Where people look: which results need them, the queue, two signatures, confirmation and disclosure."""
