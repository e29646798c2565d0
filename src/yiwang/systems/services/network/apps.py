from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.systems.services.network"
    label = "network"
