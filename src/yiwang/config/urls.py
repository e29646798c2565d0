"""All routes of this process. Which shells it opens is the zone's (architecture: internet, extranet, exchange)."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from yiwang.shells import health, routes
from yiwang.shells.api import interface

handler400 = "yiwang.shells.errors.bad_request"
handler403 = "yiwang.shells.errors.forbidden"
handler429 = "yiwang.shells.errors.too_many"  # allauth asks for it
handler404 = "yiwang.shells.errors.not_found"
handler500 = "yiwang.shells.errors.failed"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("accounts/", include("yiwang.platforms.identity.urls")),
    path("api/", interface.api.urls),
    *routes.system_pages(settings.ZONE),
]
