"""An event in the log → a component has it: matched, delivered, received."""
