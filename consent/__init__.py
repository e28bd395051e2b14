"""Who may receive what, and when: one pure decision, and the gate that is the only maker of a `Release`."""
