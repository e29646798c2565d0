from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.engines.indicators"
    label = "indicators"
