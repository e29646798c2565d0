"""Files of rows: CSV (UTF-8 or GB 18030), XLSX and GeoJSON, read line by line, whatever their size."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import IO, Any
from zipfile import ZipFile

from yiwang.base.errors import Invalid, TooLarge, YiwangError
from yiwang.engines.registers import geojson
from yiwang.kit import cells
from yiwang.kit.declare import Register
from yiwang.kit.forms import form_of

LARGEST = {"csv": 300_000_000, "xlsx": 60_000_000, "geojson": 300_000_000}  # bytes
UNPACKED = 150_000_000  # bytes of an XLSX file's texts, which its reader holds in memory
HEADINGS = 300
Line = dict[str, Any]
MARK = "导出人："
FORMULA = "=+-@\t\r\n＝＋－＠"  # what a spreadsheet would run (OWASP: CSV injection)

csv.field_size_limit(geojson.LONGEST)  # the line of a river is longer than the 131,072 characters that Python allows


def lines_of(file: IO[bytes], name: str) -> tuple[list[str], Iterator[Line]]:
    """The headings and the lines, each heading → text. Raises Invalid for a file that is none of the three, TooLarge."""
    kind = name.rpartition(".")[2].lower()
    kind = "geojson" if kind == "json" else kind
    if kind not in LARGEST:
        raise Invalid("只能导入 CSV、XLSX 或 GeoJSON 文件。", fields={"file": "请选择 .csv、.xlsx 或 .geojson 文件"})
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > LARGEST[kind]:
        raise TooLarge(f"文件太大（{size / 1e6:.0f} MB），最多 {LARGEST[kind] / 1e6:.0f} MB。", hint="请分成几个文件。")
    return {"csv": _csv, "xlsx": _xlsx, "geojson": _geojson}[kind](file)


def headings(register: Register) -> dict[str, str]:
    """What a heading may say → the form's field: its Chinese name or its code."""
    labels = {str(cells.field_at(register.model, name).verbose_name): name for name in form_of(register).base_fields}
    return {**labels, **{name: name for name in form_of(register).base_fields}}


def fields_of(register: Register, given: list[str]) -> dict[str, str]:
    """Heading → field for the headings of a file. Raises Invalid naming what is missing or unknown."""
    known = headings(register)
    fields = {heading: known[heading] for heading in given if heading in known}
    required = {name for name, field in form_of(register).base_fields.items() if field.required} - set(fields.values())
    if required:
        names = "、".join(str(cells.field_at(register.model, name).verbose_name) for name in sorted(required))
        raise Invalid(f"文件缺少这些列：{names}。", fields={"file": f"第一行应当是列名，可用的列：{'、'.join(dict.fromkeys(k for k in known if not k.isascii()))}"})
    return fields


def pointed(register: Register, given: list[str], lines: Iterator[Line]) -> tuple[list[str], Iterator[Line]]:
    """Headings and lines of a table whose columns 经度 and 纬度 stand for the register's place: the two become one."""
    heading = str(cells.field_at(register.model, register.place).verbose_name) if register.place else ""
    if not heading or heading in given or not {"经度", "纬度"} <= set(given):
        return given, lines
    return [*given, heading], ({**line, heading: f"{line.get('经度', '')},{line.get('纬度', '')}".strip(",")} for line in lines)


def _csv(file: IO[bytes]) -> tuple[list[str], Iterator[Line]]:
    reader = csv.reader(io.TextIOWrapper(file, encoding=_encoding(file), newline=""))
    try:
        first = [heading.strip() for heading in next(reader)]
    except (StopIteration, UnicodeDecodeError, csv.Error):
        raise Invalid("文件是空的或者无法读取。", fields={"file": "请用 UTF-8 或 GB 18030 编码保存"}) from None
    return first, _rows(first, reader)


def _encoding(file: IO[bytes]) -> str:
    start = file.read(200_000)
    file.seek(0)
    try:
        start.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        return "utf-8-sig" if problem.start >= len(start) - 4 else "gb18030"  # a character cut at the end of the sample is no sign
    return "utf-8-sig"


def _xlsx(file: IO[bytes]) -> tuple[list[str], Iterator[Line]]:
    from openpyxl import load_workbook  # only where a sheet is read

    try:
        with ZipFile(file) as archive:
            held = sum(member.file_size for member in archive.infolist() if "sharedStrings" in member.filename)
        if held > UNPACKED:
            raise TooLarge(f"表格里的文字太多（{held / 1e6:.0f} MB）。", hint="请另存为 CSV，或分成几个文件。")
        sheet = load_workbook(file, read_only=True, data_only=True).worksheets[0]
        found = sheet.iter_rows(values_only=True)
        first = [str(heading).strip() if heading is not None else "" for heading in next(found)]
    except TooLarge:
        raise
    except Exception:  # noqa: BLE001  # whatever a reader of foreign files trips over
        raise Invalid("这个 XLSX 文件无法读取。", fields={"file": "请用表格软件重新保存后再试"}) from None
    return first, _rows(first, found)


def _geojson(file: IO[bytes]) -> tuple[list[str], Iterator[Line]]:
    """Read twice: features need not all have the same properties, and a file that breaks off is known before a line of it is taken."""
    try:
        return geojson.names(file, most=HEADINGS), geojson.lines(file)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid("这不是完整的 GeoJSON 要素集（FeatureCollection）。", fields={"file": "请检查文件：UTF-8 编码，每个要素有 geometry 和 properties，一个要素不超过 200 万字符"}) from None


def told(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines, as far as the file is one. Raises Invalid where it breaks, holds characters that no text may have, or a line that is no line."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            texts = [text for text in line.values() if isinstance(text, str)]
            if sum(map(len, texts)) > geojson.LONGEST:
                raise Invalid(f"第 {number} 行太长，没有导入任何内容。", fields={"file": f"一行最多 {geojson.LONGEST // 10_000} 万字符"})
            if any("\0" in text or (not text.isprintable() and _broken(text)) for text in texts):
                raise Invalid(f"第 {number} 行有不能保存的字符，没有导入任何内容。", fields={"file": "请用 UTF-8 或 GB 18030 编码重新保存"})
            yield line
    except YiwangError:
        raise
    except Exception as problem:  # noqa: BLE001  # whatever a reader of foreign files trips over
        raise Invalid(f"文件在第 {number + 1} 行附近无法读取，没有导入任何内容。", fields={"file": str(problem)[:120]}) from None


def _broken(text: str) -> bool:
    """Half a character (a lone surrogate), which is no text in any encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _rows(first: list[str], found: Iterator[Any]) -> Iterator[Line]:
    for values in found:
        if values and str(values[0]).startswith(MARK):  # the line that an export ends with
            continue
        texts = ["" if value is None else typed(value) if isinstance(value, str) else _text(value) for value in values]
        if any(text.strip() for text in texts):
            yield dict(zip(first, texts, strict=False))


def harmless(text: str) -> str:
    """A cell that a spreadsheet would run as a formula is text (OWASP: CSV injection)."""
    return f"'{text}" if text and text[0] in FORMULA and not text[1:].replace(".", "", 1).isdecimal() else text


def typed(text: str) -> str:
    """What stood in a cell before it was made `harmless`."""
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in FORMULA else text


def _text(value: Any) -> str:
    """A cell's value as one would type it: whole numbers without a point, dates as ISO."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value.date()) if hasattr(value, "date") and getattr(value, "hour", 0) == getattr(value, "minute", 0) == 0 else str(value)


def place_heading(register: Register, given: list[str]) -> Mapping[str, str]:
    """GeoJSON's geometry goes into the register's place."""
    return {"geometry": register.place} if register.place and "geometry" in given else {}
