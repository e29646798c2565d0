from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.platforms.payments"
    label = "payments"
