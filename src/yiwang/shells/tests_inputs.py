"""Fields written by hand are letter for letter what Django's templates write."""

from datetime import date
from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe

from yiwang.shells.inputs import Renderer

CHOICES = [("", "全部"), ("1", "甲<乙"), ("组", [("2", "丙"), (3, mark_safe("丁 &amp; 戊"))])]
WIDGETS: list[tuple[forms.Widget, Any]] = [
    (forms.TextInput({"maxlength": 40, "required": True, "readonly": False, "data-x": '"<&'}), 'A "b" <c>'), (forms.TextInput(), None), (forms.TextInput(), ""),
    (forms.NumberInput({"step": 0.01}), 12.5), (forms.PasswordInput(), "never shown"), (forms.HiddenInput(), 7), (forms.DateInput({"type": "date"}), date(2026, 3, 1)),
    (forms.CheckboxInput(), True), (forms.CheckboxInput(), False), (forms.FileInput(), None), (forms.Textarea({"rows": 3}), "</textarea>\n'"), (forms.Textarea(), None),
    (forms.Select(choices=CHOICES), "3"), (forms.Select({"disabled": True}, choices=CHOICES), None), (forms.SelectMultiple(choices=CHOICES), ["1", "2"]),
    (forms.RadioSelect(choices=CHOICES), "1"), (forms.CheckboxSelectMultiple(choices=CHOICES), ["1"]), (forms.ClearableFileInput(), None),
]  # fmt: skip


@pytest.mark.parametrize(("widget", "value"), WIDGETS)
def test_a_field_is_written_as_django_writes_it(widget: forms.Widget, value: Any) -> None:
    given = {"id": "id_x", "aria-describedby": "x_hint"}
    assert widget.render("x", value, given, Renderer()) == widget.render("x", value, given, DjangoTemplates())


