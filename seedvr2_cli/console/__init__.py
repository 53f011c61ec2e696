"""L4: events to a terminal or to plain lines. Colors are known here alone."""
