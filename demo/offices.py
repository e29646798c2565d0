"""Petitions of the demo city that lie in the systems of departments: transferred by the clerks, answered over the wire with those systems' own keys."""

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from demo.peers import department, keys
from demo.petitions import key_of
from demo.stories import Officials
from yiwang.engines.parties import api as parties
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case
from yiwang.kit.actors import Actor
from yiwang.platforms.identity.models import Account
from yiwang.systems.welfare.online_petition import events, filing
from yiwang.systems.welfare.online_petition.models import Peer, Petition

LETTERS = Path(__file__).parent / "data" / "petitions_offices.yaml"
FIRST = 9000  # of the keys: far behind the other letters'
SAID = {**department.LETTER, "words": "正在调查核实，请等待答复。", "by": "林晓岚", "signed_by": "许怀谷"}


def load_offices() -> str:
    """Harmless when it is done. Says how many events were taken and refused."""
    taken = refused = 0
    for number, row in enumerate(yaml.safe_load(LETTERS.read_text(encoding="utf-8"))):
        key = key_of(FIRST + number)
        if Case.objects.filter(key=f"petition:{key}").exists():
            continue
        petition = _handed(row, key)
        for sequence, what in enumerate(row["events"], 1):
            status = _say(row["office"], {**SAID, "id": f"demo-{key[:8]}-{sequence}", "what": what, "number": petition.case.number, "sequence": sequence})
            taken, refused = taken + (status == 200), refused + (status != 200)
    return f"事件 {taken}，拒绝 {refused}" if taken else "已有"


def _handed(row: dict[str, Any], key: str) -> Petition:
    asked = {name: row[name] for name in ("title", "words", "claims", "matter")}
    petition = filing.file(_writer(row["who"]), filing.Filing(key=key, kind="claim", division=str(row["place"]).ljust(12, "0"), **asked))
    organ = Peer.objects.get(pk=row["office"]).organ_id
    sent = {"kind": "claim", "matter": row["matter"], "route": "petition", "organ": organ, "manner": "forward", "words": "请依法办理，并将结果书面答复信访人。"}
    procedures.perform(Officials().of(petition.desk_id, "petition-clerk"), petition.case_id, "transfer", sent)
    return petition


def _writer(username: str) -> Actor:
    account = Account.objects.get(username=username)
    assert account.party_id
    return parties.actor_for(account.pk, account.party_id)


def _say(code: str, event: dict[str, Any]) -> int:
    """What the department's server would post; the status it would get."""
    office = department.office_of(Path(settings.KEYS) / "peers", code, keys.OFFICES[code][1])
    path, body = f"/petitions/peers/{code}", department.written(event)
    return events.take(code, path, office.signs(path, body), body)[0]
