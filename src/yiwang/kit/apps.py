from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.kit"
    label = "kit"

    def ready(self) -> None:
        from yiwang.kit import checks  # noqa: F401  # registers the checks
