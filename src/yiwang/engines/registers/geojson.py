"""GeoJSON (RFC 7946) read as a stream, one feature after the other: what is held is one feature, whatever the size of the file."""

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any, NoReturn

LONGEST = 2_000_000  # characters of one feature: some fifty thousand corners
BLOCK = 1 << 16


def lines(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Of every feature its properties, and its geometry as the text it would be in a table's cell. Raises ValueError for a file that is no FeatureCollection, or breaks off."""
    file.seek(0)
    for feature in _features(_Text(file)):
        yield {**{str(n): _cell(v) for n, v in (feature["properties"] or {}).items()}, "geometry": _cell(feature["geometry"])}


def names(file: IO[bytes], *, most: int) -> list[str]:
    """What its features are named by, in the order of their first appearance. Reads the whole file. Raises as `lines`, also beyond `most` names."""
    found: dict[str, None] = {}
    for line in lines(file):
        found |= dict.fromkeys(line)
        if len(found) > most:
            raise ValueError("too many properties")
    return list(found)


def _cell(value: Any) -> Any:
    """What JSON nests, as text: so it can stand in a table that is corrected and sent again. Raises ValueError for a number beyond all numbers (1e999)."""
    if value is None or isinstance(value, str | bool | int):
        return "" if value is None else value
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return value if isinstance(value, float) else text


def _features(text: "_Text") -> Iterator[dict[str, Any]]:
    """Goes through the members of the one object; those beside `features` are read and dropped."""
    seen = False
    text.expect("{")
    while text.next() != "}":
        name = text.value()
        text.expect(":")
        if name == "features":
            seen = True
            yield from text.items()
        else:
            text.value()
        if not text.skip(","):
            break
    text.expect("}")
    if not seen or text.next():
        raise ValueError("no FeatureCollection")


class _Text:
    """The text of a file, read as far as it is needed and forgotten behind."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self.kept, self.place, self.ended = "", 0, False
        self.read_value = json.JSONDecoder(parse_constant=_refuse).raw_decode

    def next(self) -> str:
        """The next character that is not blank, without taking it; "" at the end."""
        while True:
            while self.place < len(self.kept):
                if self.kept[self.place] not in " \t\r\n":
                    return self.kept[self.place]
                self.place += 1
            if not self.more():
                return ""

    def skip(self, mark: str) -> bool:
        """Takes the mark if it is the next."""
        found = self.next() == mark
        self.place += found
        return found

    def expect(self, mark: str) -> None:
        if not self.skip(mark):
            raise ValueError(f"{mark} expected")

    def items(self) -> Iterator[Any]:
        """The values of a list."""
        self.expect("[")
        while self.next() != "]":
            yield self.value()
            if not self.skip(","):
                break
        self.expect("]")

    def value(self) -> Any:
        """The next value whole. One that goes beyond what was read is tried again with twice as much."""
        self.next()
        while True:
            try:
                found, end = self.read_value(self.kept, self.place)
                if end < len(self.kept) or not self.more():  # a number may go on
                    self.place = end
                    return found
            except json.JSONDecodeError:
                if not self.more():
                    raise
            except RecursionError:
                raise ValueError("nested too deeply") from None

    def more(self) -> bool:
        """Reads on; False at the end of the file."""
        held = len(self.kept) - self.place
        if held > LONGEST:
            raise ValueError(f"longer than {LONGEST} characters")
        taken = b"" if self.ended else self.file.read(max(BLOCK, held))
        self.ended = not taken
        self.kept, self.place = self.kept[self.place :] + self.decode(taken, self.ended), 0
        return not self.ended


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
