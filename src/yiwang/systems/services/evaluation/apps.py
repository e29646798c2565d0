from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.systems.services.evaluation"
    label = "evaluation"
