"""The other legal ways: the bodies that take them, and the inspection or service item a petition was led to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0002_guard'),
        ('online_petition', '0004_exchanges'),
        ('parties', '0002_rows'),
    ]

    operations = [
        migrations.AddField(
            model_name='petition',
            name='incident',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='incidents.incident', verbose_name='履职查处'),
        ),
        migrations.AddField(
            model_name='petition',
            name='item_key',
            field=models.CharField(blank=True, max_length=80, verbose_name='服务事项'),
        ),
        migrations.CreateModel(
            name='Body',
            fields=[
                ('code', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='标识')),
                ('route', models.CharField(choices=[('lawsuit', '诉讼'), ('arbitration', '仲裁'), ('party', '党纪申诉'), ('procedure', '行政程序'), ('duty', '履职查处'), ('petition', '信访程序')], max_length=12, verbose_name='途径')),
                ('name', models.CharField(max_length=80, verbose_name='机关或者机构')),
                ('matter', models.CharField(max_length=120, verbose_name='管什么')),
                ('address', models.CharField(max_length=120, verbose_name='地址')),
                ('phone', models.CharField(max_length=40, verbose_name='电话')),
                ('how', models.CharField(max_length=200, verbose_name='怎样去')),
                ('source', models.CharField(max_length=120, verbose_name='来源')),
                ('mark', models.CharField(choices=[('V', '已核对'), ('K', '待核对')], default='K', max_length=1, verbose_name='核实')),
                ('division', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.division', verbose_name='地方')),
            ],
            options={
                'verbose_name': '其他途径的受理机关',
            },
        ),
        migrations.AddField(
            model_name='petition',
            name='body',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='online_petition.body', verbose_name='受理机关'),
        ),
        migrations.AddIndex(
            model_name='body',
            index=models.Index(fields=['route', 'division'], name='body_of_route'),
        ),
    ]
