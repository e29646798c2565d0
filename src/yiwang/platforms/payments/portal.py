"""Paying: the bill as its payer sees it, on to the channel, and the door where channels send notices."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from yiwang.base import money
from yiwang.engines.ledger.models import Bill
from yiwang.kit.guards import actor_of
from yiwang.platforms.payments import api
from yiwang.platforms.payments.models import Channel


@dataclass(frozen=True)
class BillPage:
    bill: Bill
    capitals: str
    channels: list[Channel]


def bill(request: HttpRequest, bill: int) -> HttpResponse:
    """缴款单."""
    found = api.bill_of(actor_of(request), bill)
    page = BillPage(found, money.capitals(found.amount), api.channels() if found.state == Bill.State.OPEN else [])
    answer = render(request, "payments/bill.html", {"page": page})
    origins = sorted({"{0.scheme}://{0.netloc}".format(urlsplit(channel.url)) for channel in page.channels})
    answer._csp_update = {"form-action": origins}  # type: ignore[attr-defined]  # django-csp's hook: the form's redirect leaves our origin
    return answer


@require_POST
def pay(request: HttpRequest, bill: int) -> HttpResponse:
    """On to the channel's own page."""
    return HttpResponseRedirect(api.start(actor_of(request), bill, request.POST.get("channel", "")))


@csrf_exempt
@require_POST
def notice(request: HttpRequest, channel: str) -> JsonResponse:
    """From the channel, proven by its signature."""
    headers = {name: request.headers.get(name, "") for name in ("X-Time", "X-Nonce", "X-Signature")}
    api.take_notice(channel, request.path, headers, request.body)
    return JsonResponse({"result": "ok"})
