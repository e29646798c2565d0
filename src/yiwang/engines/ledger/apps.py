from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.engines.ledger"
    label = "ledger"
