"""Service items: catalogue, search, what a version asks, what follows from an application, editing."""

from yiwang.platforms.items.catalogue import load_catalogue, load_implementations
from yiwang.platforms.items.forms import applies, fields_for, form_for, materials_for, schema, situation_form, validate
from yiwang.platforms.items.outcomes import FactVerdict, facts_decide, fee_lines, licence_fields, licence_until
from yiwang.platforms.items.places import handled_at, service_for
from yiwang.platforms.items.search import Hit, bundles_for, counts, relevant, search, suggest
from yiwang.platforms.items.versions import draft_from, edit, missing, publish, published, published_of, withdraw_item

__all__ = [
    "FactVerdict", "Hit", "applies", "bundles_for", "counts", "draft_from", "edit", "facts_decide", "fee_lines", "fields_for", "form_for", "handled_at", "licence_fields",
    "licence_until", "load_catalogue", "load_implementations", "materials_for", "missing", "publish", "published", "published_of", "relevant", "schema", "search", "service_for",
    "situation_form", "suggest", "validate", "withdraw_item",
]
