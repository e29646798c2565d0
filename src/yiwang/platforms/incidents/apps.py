from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.platforms.incidents"
    label = "incidents"
