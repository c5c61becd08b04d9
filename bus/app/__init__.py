"""The one composition root: from settings to running roles."""
