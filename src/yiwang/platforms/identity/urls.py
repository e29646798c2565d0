"""allauth's pages, without those that rest on e-mail: a person here is reached by the phone on record or at a window."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

forgotten = RedirectView.as_view(pattern_name="identity:forgotten")
own_account = RedirectView.as_view(pattern_name="identity:account")

urlpatterns: list[URLPattern | URLResolver] = [
    path("password/reset/", forgotten),
    path("password/reset/done/", forgotten),
    path("email/", own_account),
    path("confirm-email/", own_account),
    path("", include("allauth.urls")),
]
