"""Sealing in batches. Writers take no lock: rows are picked up a few seconds after they were written, in whatever order they committed."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from yiwang.base import merkle
from yiwang.base.crypto import sm3
from yiwang.base.errors import NotFound, Tampered
from yiwang.engines.audit.models import Access, Batch, Entry, Leaf

GENESIS = "0" * 64
SETTLE = timedelta(seconds=5)  # a row is left alone until every writer of its moment has surely committed or is caught by a later pass
LONGEST = timedelta(days=1)  # no transaction lives longer, so nothing older can still appear
LIMIT = 5_000
KINDS: tuple[tuple[str, type[Entry] | type[Access]], ...] = (("entry", Entry), ("access", Access))


@dataclass(frozen=True)
class Proof:
    """That one row is in the chain: anyone can check it with docs/examples/check_audit_proof.py."""

    row: dict[str, Any]
    canonical: str  #: the text that was hashed
    leaf: str
    steps: list[tuple[str, str]]
    root: str
    sequence: int
    previous_head: str
    head: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def canonical(row: Entry | Access) -> str:
    """The row as text: its fields by name in alphabetical order, JSON without spaces, times in UTC ISO 8601, non-ASCII kept."""
    values = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}
    values["at"] = row.at.astimezone(UTC).isoformat()
    values["kind"] = "entry" if isinstance(row, Entry) else "access"
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@transaction.atomic
def seal_batch() -> Batch | None:
    """Seals what is settled and not yet sealed; None when there is nothing. Two sealers at once: the second finds the lock taken and leaves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(7235001)")
        if not cursor.fetchone()[0]:
            return None
    last = Batch.objects.order_by("-sequence").first()
    rows = list(_unsealed(last))
    if not rows:
        return None
    hashes = [merkle.leaf(canonical(row).encode()) for _, row in rows]
    top = merkle.root(hashes).hex()
    batch = Batch.objects.create(sequence=(last.sequence + 1) if last else 1, size=len(rows), root=top, head=_chain(last.head if last else GENESIS, top))
    Leaf.objects.bulk_create(
        Leaf(row=row.pk, kind=kind, batch=batch, index=index, hash=digest.hex())
        for index, ((kind, row), digest) in enumerate(zip(rows, hashes, strict=True))
    )
    return batch


def prove(row: int) -> Proof:
    """The proof for one entry or access. Raises NotFound before it is sealed, Tampered when the row no longer agrees with its seal."""
    leaf = Leaf.objects.select_related("batch").filter(row=row).first()
    if leaf is None:
        raise NotFound("这条记录还没有封存，或不存在。", hint="记录在写入后一两分钟内封存。")
    found: Entry | Access = (Entry if leaf.kind == "entry" else Access).objects.get(pk=row)
    if merkle.leaf(canonical(found).encode()).hex() != leaf.hash:
        raise Tampered("这条记录与封存时的内容不一致。")
    hashes = [bytes.fromhex(h) for h in leaf.batch.leaves.order_by("index").values_list("hash", flat=True)]
    before = Batch.objects.filter(sequence=leaf.batch.sequence - 1).first()
    text = canonical(found)
    return Proof(
        row=json.loads(text),
        canonical=text,
        leaf=leaf.hash,
        steps=[(side, sibling.hex()) for side, sibling in merkle.proof(hashes, leaf.index)],
        root=leaf.batch.root,
        sequence=leaf.batch.sequence,
        previous_head=before.head if before else GENESIS,
        head=leaf.batch.head,
    )


def check_chain() -> Iterator[str]:
    """Every disagreement between rows, leaves, roots and chain, as sentences; none means that nothing was changed or removed."""
    head, expected = GENESIS, 1
    for batch in Batch.objects.order_by("sequence").iterator():
        yield from (f"缺少批次 {missing}" for missing in range(expected, batch.sequence))
        expected = batch.sequence + 1
        leaves = list(batch.leaves.order_by("index"))
        if len(leaves) != batch.size or merkle.root([bytes.fromhex(leaf.hash) for leaf in leaves]).hex() != batch.root:
            yield f"批次 {batch.sequence} 的根与其内容不符"
        head = _chain(head, batch.root)
        if head != batch.head:
            yield f"批次 {batch.sequence} 的链头与前一批次不符"
            head = batch.head
        yield from _check_rows(leaves)


def _check_rows(leaves: list[Leaf]) -> Iterator[str]:
    for kind, model in KINDS:
        rows = model.objects.in_bulk([leaf.row for leaf in leaves if leaf.kind == kind])
        for leaf in leaves:
            if leaf.kind != kind:
                continue
            row = rows.get(leaf.row)
            if row is None:
                yield f"记录 {leaf.row} 已被删除"
            elif merkle.leaf(canonical(row).encode()).hex() != leaf.hash:
                yield f"记录 {leaf.row} 已被修改"


def _unsealed(last: Batch | None) -> Iterator[tuple[str, Entry | Access]]:
    settled = timezone.now() - SETTLE
    for kind, model in KINDS:
        young = model.objects.filter(at__gte=last.sealed_at - LONGEST) if last else model.objects.all()
        rows = young.filter(at__lt=settled).exclude(Exists(Leaf.objects.filter(row=OuterRef("pk")))).order_by("at", "id")
        for row in rows[:LIMIT]:
            yield kind, row


def _chain(previous: str, root: str) -> str:
    return sm3(bytes.fromhex(previous) + bytes.fromhex(root)).hex()
