"""What a person in the field opens first: today's tasks of all systems, and the queue of what still lies on the phone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from yiwang.kit.actors import Actor
from yiwang.kit.declare import Errand
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TodayPage:
    errands: Sequence[Errand]

    @property
    def shape(self) -> str:
        """The tasks with a known place as a FeatureCollection for the map; empty where there are none."""
        features = [_feature(errand) for errand in self.errands if errand.place]
        return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False) if features else ""

    @property
    def placeless(self) -> int:
        return sum(errand.place is None for errand in self.errands)


def today(request: HttpRequest) -> HttpResponse:
    """Everything that waits for this person outside, the soonest first."""
    errands = sorted(_errands(actor_of(request)), key=lambda errand: errand.due_at or NEVER)
    return render(request, "field/today.html", {"page": TodayPage(errands)})


def queue(request: HttpRequest) -> HttpResponse:
    """What is not sent yet. The rows lie on the phone; the page fills itself there."""
    return render(request, "field/queue.html")


def _errands(actor: Actor) -> Iterator[Errand]:
    for system in registry().systems.values():
        if system.errands:
            yield from system.errands(actor)


def _feature(errand: Errand) -> dict[str, object]:
    facts = {"地址": errand.where} if errand.where else {}
    return {
        "type": "Feature", "geometry": {"type": "Point", "coordinates": list(errand.place or ())},
        "properties": {"name": errand.title, "link": errand.page, "facts": json.dumps(facts, ensure_ascii=False)},
    }  # fmt: skip
