"""What an exported file holds: every row of a list at one moment, masked, marked with who took it and why. In constant memory, in three formats."""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, cast

from django.contrib.gis.db.models import GeometryField
from django.db.models import Model, QuerySet
from django.utils import timezone

from yiwang.engines.registers.listing import Query, every, joins
from yiwang.engines.registers.models import Export
from yiwang.engines.registers.reading import harmless
from yiwang.kit import cells
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Column, Register
from yiwang.kit.forms import written

PAGE = 2_000
KNOWN = 50_000  # rows of other tables whose texts are remembered at most
SHEET = 1_000_000  # rows of one sheet (an XLSX sheet holds 1,048,576)
Tell = Callable[[int], None]  # how many rows are written


def content(actor: Actor, register: Register, query: Query, export: Export, tell: Tell = lambda number: None) -> Iterator[bytes] | IO[bytes]:
    """CSV and GeoJSON as they are read, XLSX as a file. `tell` hears of every page of rows."""
    return {"csv": _csv, "xlsx": _xlsx, "geojson": _geojson}[export.format](actor, register, query, export, tell)


def mark(export: Export) -> str:
    """Who took it, when, what for: stands in every exported file."""
    at = timezone.localtime(export.taken_at or export.at)
    return f"导出人：{export.by_name}　时间：{at:%Y-%m-%d %H:%M}　用途：{export.reason}　编号：{export.pk}　{'含完整个人信息，' if export.clear else ''}不得另作他用"


def columns_of(register: Register) -> list[Column]:
    """What an export holds: the form's fields, then the list's computed columns; so that a masked or plain file can be imported again."""
    return [Column(code=name) for name in register.fields] + [c for c in register.shown if c.show or c.code not in register.fields]


def _lines(
    actor: Actor, register: Register, query: Query, columns: list[Column], tell: Tell, *, clear: bool, also: tuple[str, ...] = ()
) -> Iterator[tuple[list[str], tuple[Any, ...]]]:
    """The texts of every row in the order of `columns`, and what it says at the paths of `also`."""
    takers = [_taker(register, column, clear=clear) for column in columns]
    number = 0
    for page in every(actor, register, query, [*(taker.path for taker in takers), *also], size=PAGE):
        texts = zip(*(taker.texts([said[place] for said in page]) for place, taker in enumerate(takers)), strict=True)
        yield from ((list(line), said[len(takers) :]) for line, said in zip(texts, page, strict=True))
        number += len(page)
        tell(number)


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


def _csv(actor: Actor, register: Register, query: Query, export: Export, tell: Tell) -> Iterator[bytes]:
    columns = columns_of(register)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # so that spreadsheets know the encoding
    writer.writerow([cells.heading(register, c) for c in columns])
    for number, (texts, _) in enumerate(_lines(actor, register, query, columns, tell, clear=export.clear), start=1):
        writer.writerow(map(harmless, texts))
        if number % PAGE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    writer.writerow([mark(export)])
    yield buffer.getvalue().encode()


def _xlsx(actor: Actor, register: Register, query: Query, export: Export, tell: Tell) -> IO[bytes]:
    from openpyxl import Workbook  # only where a sheet is written
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    columns = columns_of(register)
    sheet = None
    for number, (texts, _) in enumerate(_lines(actor, register, query, columns, tell, clear=export.clear)):
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


def _geojson(actor: Actor, register: Register, query: Query, export: Export, tell: Tell) -> Iterator[bytes]:
    columns = [c for c in columns_of(register) if c.code != register.place]
    names = [cells.heading(register, c) for c in columns]
    hidden = cells.is_personal(register.model, register.place) and not export.clear
    yield f'{{"type": "FeatureCollection", "note": {json.dumps(mark(export), ensure_ascii=False)}, "features": ['.encode()
    lead = ""
    for texts, (pk, shape) in _lines(actor, register, query, columns, tell, clear=export.clear, also=("pk", register.place)):
        geometry = json.loads(shape.geojson) if shape and not hidden else None
        feature = {"type": "Feature", "id": str(pk), "geometry": geometry, "properties": dict(zip(names, texts, strict=True))}
        yield (lead + json.dumps(feature, ensure_ascii=False)).encode()
        lead = ",\n"
    yield b"]}\n"
