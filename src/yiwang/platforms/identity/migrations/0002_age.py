"""The age of one's own sign-up, as a dated value with its law: without it nobody could sign up, so it comes with the table."""

import datetime

from django.db import migrations
from django.db.backends.postgresql.psycopg_any import DateRange

from yiwang.base.ids import new_id

KEY = "identity.sign-up-age"


def enter(apps, schema_editor):
    values = apps.get_model("registers", "PolicyValue")
    values.objects.create(
        id=new_id(), key=KEY, division="", valid=DateRange(datetime.date(2021, 11, 1), None), value=14, unit="周岁",
        source="中华人民共和国个人信息保护法第三十一条：处理不满十四周岁未成年人个人信息应当取得监护人同意", article="第三十一条", mark="K",
    )  # fmt: skip


def remove(apps, schema_editor):
    apps.get_model("registers", "PolicyValue").objects.filter(key=KEY).delete()


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial"), ("registers", "0001_initial")]
    operations = [migrations.RunPython(enter, remove)]
