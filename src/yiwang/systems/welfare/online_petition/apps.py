from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.systems.welfare.online_petition"
    label = "online_petition"
