from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.shells"
    label = "shells"
