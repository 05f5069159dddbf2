"""A package, for dotted paths and relative imports."""
