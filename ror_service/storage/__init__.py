"""Tables and one module of queries a subject. Only here is SQL written; nothing here commits."""
