from django.apps import AppConfig


class Config(AppConfig):
    name = "yiwang.platforms.identity"
    label = "identity"

    def ready(self) -> None:
        """allauth tells of a wrong second factor only by its signal; it belongs on the record like a wrong password."""
        from allauth.mfa.signals import authentication_failed

        from yiwang.platforms.identity.adapters import record_wrong_factor

        authentication_failed.connect(record_wrong_factor, dispatch_uid="identity.wrong-factor")
