"""The HTTP door: one file per resource, thin handlers, problem documents (design §7)."""
