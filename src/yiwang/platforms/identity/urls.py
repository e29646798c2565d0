"""allauth's pages, without those that rest on e-mail or lead nowhere here: a person is reached by the phone on record or at a window."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

forgotten = RedirectView.as_view(pattern_name="identity:forgotten")
own_account = RedirectView.as_view(pattern_name="identity:account")
closed = RedirectView.as_view(pattern_name="account_login")

urlpatterns: list[URLPattern | URLResolver] = [
    path("password/reset/", forgotten),
    path("password/reset/done/", forgotten),
    path("email/", own_account),
    path("confirm-email/", own_account),
    re_path(r"^confirm-email/.*$", own_account),
    path("password/set/", own_account),
    path("login/code/confirm/", closed),
    path("", include("allauth.urls")),
]
