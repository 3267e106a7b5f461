"""The scenes, by what they are about. Importing the package declares them all."""

from . import chance, cold, discovery, examples, manager, nodes, transitions, warm  # noqa: F401
