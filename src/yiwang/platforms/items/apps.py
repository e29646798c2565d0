import os
from threading import Thread

from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.platforms.items"
    label = "items"

    def ready(self) -> None:
        """A web process loads the sentence encoder beside its start: nothing waits for it, and the first question finds it there."""
        if os.environ.get("YIWANG_PROCESS") == "web":
            from yiwang.platforms.items.meaning import warm

            Thread(target=warm, name="warm-encoder", daemon=True).start()
