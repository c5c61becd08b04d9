"""Where deliveries go: one Protocol, one module per kind of sink."""
