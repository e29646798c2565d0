"""Taking rows away: streamed by key, masked, marked with who took them and why, on the record; many rows or clear personal data only with another's approval."""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, cast
from urllib.parse import parse_qsl, urlencode

from django.contrib.gis.db.models import GeometryField
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.registers.listing import Query, joins, matching, parse, told
from yiwang.engines.registers.models import DATA_OFFICER, Export
from yiwang.engines.registers.reading import harmless
from yiwang.engines.registers.rows import may_read
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Column, Register
from yiwang.kit.forms import written
from yiwang.kit.registry import registry

PAGE = 2_000
KNOWN = 50_000  # rows of other tables whose texts are remembered at most
LASTS = 7  # days in which a granted export may be taken
SHEET = 1_000_000  # rows of one sheet (an XLSX sheet holds 1,048,576)

State = Export.State


@transaction.atomic
def ask_export(actor: Actor, register: Register, query: Query, *, format: str, reason: str, clear: bool = False) -> Export:
    """Asks for the rows of a list. Ready at once below the register's limit and masked; else it waits for a data officer. Raises NotAllowed, Invalid."""
    if not may_read(actor, register) or actor.party is None:
        raise NotAllowed(f"您当前的身份不能导出“{register.name}”。")
    if not reason.strip():
        raise Invalid("请写明用途。", fields={"reason": "请写明用途，导出会记录在案"})
    if format not in {"csv", "xlsx", "geojson"} or (format == "geojson" and not register.place):
        raise Invalid("不支持这种格式。", fields={"format": "请选择格式"})
    rows = matching(actor, register, query).order_by().count()
    clear = clear and bool(register.personal)
    waits = clear or rows > register.open_export
    words = {**query.filters, **({"q": query.search} if query.search else {}), **({"order": query.order} if query.order else {})}
    made = Export.objects.create(
        register=register.code, query=urlencode(words), format=format, clear=clear, reason=reason.strip(), by_id=actor.party, by_name=actor.name, rows=rows,
        state=State.WAITING if waits else State.READY,
    )  # fmt: skip
    audit.record(actor, "register.export.ask", subject=made, summary=f"申请导出{register.name} {rows} 条（{format}）：{reason.strip()}")
    return made


@transaction.atomic
def decide_export(actor: Actor, export: int, *, granted: bool) -> Export:
    """A data officer who did not ask grants or refuses. Raises NotFound, NotAllowed, Conflict."""
    if not actor.holds(DATA_OFFICER) or actor.party is None:
        raise NotAllowed("导出由数据管理人员批准。")
    found = restrict(actor, Export.objects.select_for_update().filter(pk=export)).first()
    if found is None:
        raise NotFound("没有找到这项导出申请。")
    if found.by_id == actor.party:
        raise NotAllowed("申请和批准不能是同一个人。")
    if found.state != State.WAITING:
        raise Conflict(f"这项导出现在是“{found.get_state_display()}”。")
    found.state, found.decided_by_id, found.decided_at = (State.READY if granted else State.REFUSED), actor.party, timezone.now()
    found.save(update_fields=["state", "decided_by", "decided_at"])
    audit.record(actor, "register.export.decide", subject=found, summary=f"{'批准' if granted else '不批准'}导出 {found.rows} 条")
    return found


def take_export(actor: Actor, export: int) -> tuple[Export, Iterator[bytes] | IO[bytes]]:
    """The content of one's own ready export: CSV and GeoJSON as they are read, XLSX as a file. Raises NotFound, NotAllowed, Gone."""
    with transaction.atomic():
        found = Export.objects.select_for_update().filter(pk=export, by=actor.party).first()
        if found is None:
            raise NotFound("没有找到您申请的这项导出。")
        if found.state != State.READY:
            raise NotAllowed(f"这项导出现在是“{found.get_state_display()}”。")
        if (found.decided_at or found.at) < timezone.now() - timezone.timedelta(days=LASTS):  # type: ignore[attr-defined]  # re-exported there
            raise Gone(f"下载期限（{LASTS} 天）已过，请重新申请。")
        found.taken_at = timezone.now()
        found.save(update_fields=["taken_at"])
        audit.record(actor, "register.export.take", subject=found, summary=f"下载导出 {found.rows} 条（{found.format}）")
    register = registry().registers[found.register]
    query = parse(register, dict(parse_qsl(found.query)))
    return found, {"csv": _csv, "xlsx": _xlsx, "geojson": _geojson}[found.format](actor, register, query, found)


def exports_of(actor: Actor) -> list[Export]:
    """One's own, and for a data officer those that wait."""
    return list(restrict(actor, Export.objects.all()).order_by("-at")[:100])


def mark(export: Export) -> str:
    """Who took it, when, what for: stands in every exported file."""
    at = timezone.localtime(export.taken_at or export.at)
    return f"导出人：{export.by_name}　时间：{at:%Y-%m-%d %H:%M}　用途：{export.reason}　编号：{export.pk}　{'含完整个人信息，' if export.clear else ''}不得另作他用"


def columns_of(register: Register) -> list[Column]:
    """What an export holds: the form's fields, then the list's computed columns; so that a masked or plain file can be imported again."""
    return [Column(code=name) for name in register.fields] + [c for c in register.shown if c.show or c.code not in register.fields]


def _lines(actor: Actor, register: Register, query: Query, columns: list[Column], *, clear: bool, also: tuple[str, ...] = ()) -> Iterator[tuple[list[str], tuple[Any, ...]]]:
    """The texts of every row in the order of `columns`, and what it says at the paths of `also`."""
    takers = [_taker(register, column, clear=clear) for column in columns]
    for page in told(actor, register, query, [*(taker.path for taker in takers), *also], size=PAGE):
        texts = zip(*(taker.texts([said[place] for said in page]) for place, taker in enumerate(takers)), strict=True)
        yield from ((list(line), said[len(takers) :]) for line, said in zip(texts, page, strict=True))


@dataclass(frozen=True)
class _Values:
    """A column that is written by what it holds."""

    path: str
    text: Callable[[Any], str]

    def texts(self, found: list[Any]) -> Iterable[str]:
        return map(self.text, found)


@dataclass
class _Rows:
    """A column that is written by the row it leads to (another table's, or the row itself for a computed one): each looked up once, a page's together."""

    path: str
    rows: "QuerySet[Any]"
    text: Callable[[Any], str]
    known: dict[Any, str] = field(default_factory=lambda: {None: ""})

    def texts(self, found: list[Any]) -> Iterable[str]:
        if len(self.known) > KNOWN:
            self.known = {None: ""}
        self.known |= {key: self.text(row) for key, row in self.rows.in_bulk(set(found) - set(self.known)).items()}
        return [self.known.get(key, "") for key in found]  # one that went meanwhile is nothing


def _taker(register: Register, column: Column, *, clear: bool) -> _Values | _Rows:
    if cells.needs_row(register, column):
        itself = register.model._default_manager.select_related(*joins(register))
        return _Rows("pk", itself, _blank(cells.writer(register, column, clear=clear)))
    kind, secret = cells.field_at(register.model, column.code), cells.is_personal(register.model, column.code) and not clear
    if kind.is_relation:
        others = cast("type[Model]", kind.related_model)._default_manager.select_related(*getattr(kind.related_model, "called_by", ()))
        return _Rows(f"{column.code}_id", others, _blank(lambda row: cells.mask(str(row))) if secret else written)
    if isinstance(kind, GeometryField):
        return _Values(column.code, lambda shape: "" if shape is None or secret else shape.geojson)
    return _Values(column.code, _blank(cells.speller(register, column, clear=clear)))


def _blank(text: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda found: "" if (said := text(found)) == cells.NOTHING else said


def _csv(actor: Actor, register: Register, query: Query, export: Export) -> Iterator[bytes]:
    columns = columns_of(register)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # so that spreadsheets know the encoding
    writer.writerow([cells.heading(register, c) for c in columns])
    for number, (texts, _) in enumerate(_lines(actor, register, query, columns, clear=export.clear), start=1):
        writer.writerow(map(harmless, texts))
        if number % PAGE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    writer.writerow([mark(export)])
    yield buffer.getvalue().encode()


def _xlsx(actor: Actor, register: Register, query: Query, export: Export) -> IO[bytes]:
    from openpyxl import Workbook  # only where a sheet is written
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    columns = columns_of(register)
    sheet = None
    for number, (texts, _) in enumerate(_lines(actor, register, query, columns, clear=export.clear)):
        if number % SHEET == 0:
            sheet = _sheet(book, register, columns, export)
        assert sheet is not None
        sheet.append([harmless(ILLEGAL_CHARACTERS_RE.sub("", text)) for text in texts])
    if sheet is None:
        _sheet(book, register, columns, export)
    about = book.create_sheet("说明")
    about.append([mark(export)])
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the response closes it
    book.save(file)
    file.seek(0)
    return file


def _sheet(book: Any, register: Register, columns: list[Column], export: Export) -> Any:
    sheet = book.create_sheet(register.name[:25])
    sheet.oddHeader.center.text = sheet.oddFooter.center.text = mark(export)[:250]  # printed on every page
    sheet.append([cells.heading(register, c) for c in columns])
    return sheet


def _geojson(actor: Actor, register: Register, query: Query, export: Export) -> Iterator[bytes]:
    columns = [c for c in columns_of(register) if c.code != register.place]
    names = [cells.heading(register, c) for c in columns]
    hidden = cells.is_personal(register.model, register.place) and not export.clear
    yield f'{{"type": "FeatureCollection", "note": {json.dumps(mark(export), ensure_ascii=False)}, "features": ['.encode()
    lead = ""
    for texts, (pk, shape) in _lines(actor, register, query, columns, clear=export.clear, also=("pk", register.place)):
        geometry = json.loads(shape.geojson) if shape and not hidden else None
        feature = {"type": "Feature", "id": str(pk), "geometry": geometry, "properties": dict(zip(names, texts, strict=True))}
        yield (lead + json.dumps(feature, ensure_ascii=False)).encode()
        lead = ",\n"
    yield b"]}\n"
