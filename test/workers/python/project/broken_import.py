"""Fails to import on the fourth line."""

x = 1
import a_package_nobody_has  # noqa: E402, F401
