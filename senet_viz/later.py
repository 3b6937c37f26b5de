"""Modules that are slow to import, and that are imported when something in them is first used."""

from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stand for a module until then; every name is looked up there once."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what inspects modules must not load them
            raise AttributeError(name)
        found = getattr(import_module(self.__name__), name)
        setattr(self, name, found)
        return found


def later(name: str) -> Any:
    """Return what stands for the module of that name.

    A page is drawn, and a question asked, without torch where another process answers: see ``service.remote``. What
    computes with torch says ``torch = later("torch")``, and its types stand under ``TYPE_CHECKING``.
    """
    return _Later(name)
