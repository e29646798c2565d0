from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.systems.governance.river_chief"
    label = "river_chief"
