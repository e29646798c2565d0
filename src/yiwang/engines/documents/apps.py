from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.engines.documents"
    label = "documents"
