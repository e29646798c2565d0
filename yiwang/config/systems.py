"""The one explicit list of what this installation is made of, in the order menus and documentation show it."""

from yiwang.kit.declare import System
from yiwang.platforms.identity.system import system as identity
from yiwang.platforms.payments.system import system as payments

SYSTEMS: tuple[System, ...] = (payments, identity)
