"""Pages that people open in a browser, made on the server; they work without scripts."""
