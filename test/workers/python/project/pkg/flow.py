"""A graph module that needs its package."""

from .helper import made

graph = made.compile()
