"""The one explicit list of what this installation is made of, in the order menus and documentation show it."""

from yiwang.kit.declare import System

SYSTEMS: tuple[System, ...] = ()
