"""What a petitioner sends with the words is reached, and withheld, with the petition."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import yiwang.base.ids
from yiwang.engines.audit.shutting import shut_behind
from yiwang.kit.rowsecurity import secure_through


class Migration(migrations.Migration):

    dependencies = [
        ('documents', '0002_immutable'),
        ('online_petition', '0005_ways'),
    ]

    operations = [
        migrations.CreateModel(
            name='Material',
            fields=[
                ('id', models.BigIntegerField(default=yiwang.base.ids.new_id, editable=False, primary_key=True, serialize=False, verbose_name='编号')),
                ('name', models.CharField(max_length=200, verbose_name='文件名')),
                ('added_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='时间')),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='documents.file', verbose_name='文件')),
                ('petition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='materials', to='online_petition.petition', verbose_name='信访件')),
            ],
            options={
                'verbose_name': '信访材料',
            },
        ),
        secure_through('online_petition_material', 'petition_id', 'online_petition_petition'),
        shut_behind('online_petition_material', 'petition_id', 'online_petition_petition'),
    ]
