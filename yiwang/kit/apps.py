from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.kit"
    label = "kit"
