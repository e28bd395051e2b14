"""What each module's report says, as plain data for its template: one file a module, pure functions."""
