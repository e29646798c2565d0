"""Fields of forms as HTML: letter for letter what Django's widget templates write, without running a template for every attribute and every choice."""

from collections.abc import Iterable
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

FOLDER = "django/forms/widgets"


class Renderer(DjangoTemplates):
    """Inputs, text areas and drop-downs by hand; everything else by Django's templates."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        write = WRITERS.get(template_name)
        return SafeString(write(context["widget"])) if write else super().render(template_name, context, request)


def _input(widget: dict[str, Any]) -> str:
    value = "" if widget["value"] is None else f' value="{_text(widget["value"])}"'
    return f'<input type="{_text(widget["type"])}" name="{_text(widget["name"])}"{value}{_attributes(widget["attrs"])}>'


def _textarea(widget: dict[str, Any]) -> str:
    return f'<textarea name="{_text(widget["name"])}"{_attributes(widget["attrs"])}>\n{_text(widget["value"] or "")}</textarea>'


def _select(widget: dict[str, Any]) -> str:
    groups = "".join(_group(name, options) for name, options, _ in widget["optgroups"])
    return f'<select name="{_text(widget["name"])}"{_attributes(widget["attrs"])}>{groups}\n</select>'


def _group(name: str | None, options: Iterable[dict[str, Any]]) -> str:
    listed = "".join(f'\n  <option value="{_text(o["value"])}"{_attributes(o["attrs"])}>{_text(o["label"])}</option>\n' for o in options)
    return f'\n  <optgroup label="{_text(name)}">{listed}\n  </optgroup>' if name else listed


def _attributes(given: dict[str, Any]) -> str:
    return "".join(f" {_text(n)}" if value is True else f' {_text(n)}="{_text(value)}"' for n, value in given.items() if value is not False)


def _text(value: Any) -> str:
    return conditional_escape(value if isinstance(value, str) else str(value))


INPUTS = ("input", "text", "number", "email", "url", "color", "search", "tel", "password", "hidden", "date", "datetime", "time", "checkbox", "file")
WRITERS = {f"{FOLDER}/{name}.html": _input for name in INPUTS} | {f"{FOLDER}/textarea.html": _textarea, f"{FOLDER}/select.html": _select}
