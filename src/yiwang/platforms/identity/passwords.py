"""What a password must be made of (GB/T 22239-2019 8.1.4.1 a: complexity)."""

from django.core.exceptions import ValidationError


class MixedValidator:
    """At least two kinds of characters: letters, digits, others."""

    def validate(self, password: str, user: object = None) -> None:
        kinds = {"letter" if c.isalpha() else "digit" if c.isdecimal() else "other" for c in password}
        if len(kinds) < 2:
            raise ValidationError(self.get_help_text(), code="password_of_one_kind")

    def get_help_text(self) -> str:
        return "密码至少包含字母、数字、符号中的两种。"
