"""The one explicit list of what this installation is made of, in the order menus and documentation show it."""

from yiwang.engines.audit.system import system as audit
from yiwang.engines.documents.system import system as documents
from yiwang.engines.messages.system import system as messages
from yiwang.engines.procedures.system import system as procedures
from yiwang.engines.registers.system import system as registers
from yiwang.kit.declare import System
from yiwang.platforms.identity.system import system as identity
from yiwang.platforms.incidents.system import system as incidents
from yiwang.platforms.items.system import system as items
from yiwang.platforms.licences.system import system as licences
from yiwang.platforms.patrols.system import system as patrols
from yiwang.platforms.payments.system import system as payments
from yiwang.shells.console.system import system as figures
from yiwang.systems.governance.river_chief.system import system as river_chief
from yiwang.systems.services.acceptance.system import system as acceptance
from yiwang.systems.services.evaluation.system import system as evaluation
from yiwang.systems.services.network.system import system as network
from yiwang.systems.welfare.online_petition.system import system as online_petition

SYSTEMS: tuple[System, ...] = (
    network, acceptance, figures, evaluation, river_chief, online_petition, items, licences, payments, patrols, incidents, identity, documents, procedures, registers, messages, audit,
)  # fmt: skip
