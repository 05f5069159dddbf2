"""Imported relatively by flow.py."""

from graphs import chain, one, two

made = chain(one, two)
