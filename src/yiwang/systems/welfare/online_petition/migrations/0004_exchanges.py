"""Messages to and from other systems become one table: the reports to the province are the first of them. Departments have systems too."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('online_petition', '0003_offices'),
        ('parties', '0002_rows'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='report', name='report_waiting'),
        migrations.RenameModel(old_name='Report', new_name='Exchange'),
        migrations.RenameField(model_name='exchange', old_name='sent_at', new_name='done_at'),
        migrations.AlterModelOptions(name='exchange', options={'verbose_name': '系统往来'}),
        migrations.AddField(model_name='exchange', name='direction', field=models.CharField(choices=[('out', '发出'), ('in', '收到')], default='out', max_length=3, verbose_name='方向')),
        migrations.AddField(model_name='exchange', name='what', field=models.CharField(choices=[('report', '上报进展'), ('transfer', '转送信访件'), ('supervision', '督查督办'), ('state', '告知变化'), ('sent-down', '上级转送'), ('registered', '部门登记'), ('received', '已接收'), ('accepted', '告知受理'), ('objected', '提出异议'), ('declined', '不予受理'), ('extended', '批准延期'), ('answered', '答复'), ('reported', '上报结果'), ('ended', '终止办理'), ('supervision-answered', '反馈督办')], default='report', max_length=24, verbose_name='内容')),
        migrations.AddField(model_name='exchange', name='key', field=models.CharField(blank=True, max_length=80, verbose_name='对方标识')),
        migrations.AddField(model_name='exchange', name='signature', field=models.CharField(blank=True, max_length=120, verbose_name='对方签名')),
        migrations.AddField(model_name='exchange', name='answer', field=models.JSONField(default=dict, verbose_name='答复')),
        migrations.AddField(model_name='exchange', name='dropped_at', field=models.DateTimeField(null=True, verbose_name='不再发送')),
        migrations.AlterField(model_name='exchange', name='body', field=models.JSONField(verbose_name='报文')),
        migrations.AlterField(model_name='exchange', name='done_at', field=models.DateTimeField(null=True, verbose_name='送达或办妥')),
        migrations.AlterModelOptions(
            name='peer',
            options={'verbose_name': '对接的信访系统'},
        ),
        migrations.AddField(
            model_name='peer',
            name='kind',
            field=models.CharField(choices=[('above', '上级信访系统'), ('office', '部门信访系统')], default='above', max_length=8, verbose_name='类型'),
        ),
        migrations.AddField(
            model_name='peer',
            name='organ',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.organisation', verbose_name='单位'),
        ),
        migrations.AddField(
            model_name='peer',
            name='refusal',
            field=models.CharField(blank=True, max_length=200, verbose_name='拒收原因'),
        ),
        migrations.AddField(
            model_name='peer',
            name='refused_at',
            field=models.DateTimeField(null=True, verbose_name='最近拒收'),
        ),
        migrations.AlterField(
            model_name='petition',
            name='channel',
            field=models.CharField(choices=[('online', '网上'), ('letter', '来信'), ('fax', '传真'), ('visit', '来访'), ('phone', '电话'), ('leader', '领导信箱'), ('above', '上级转送'), ('office', '部门系统')], max_length=8, verbose_name='来源'),
        ),
        migrations.AlterField(
            model_name='petition',
            name='outside',
            field=models.CharField(blank=True, max_length=80, verbose_name='对方编号'),
        ),
        migrations.AddConstraint(
            model_name='peer',
            constraint=models.UniqueConstraint(models.F('organ'), condition=models.Q(('organ__isnull', False)), name='peer_of_organ_once', violation_error_message='这个单位已经登记了一个系统。'),
        ),
        migrations.AddConstraint(
            model_name='peer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'above'), ('organ', None)), models.Q(('kind', 'office'), ('organ__isnull', False)), _connector='OR'), name='peer_office_has_organ', violation_error_message='部门信访系统应当写明是哪个单位的。'),
        ),
        migrations.AlterField(
            model_name='exchange',
            name='peer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exchanges', to='online_petition.peer', verbose_name='对方系统'),
        ),
        migrations.AlterField(
            model_name='exchange',
            name='petition',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exchanges', to='online_petition.petition', verbose_name='信访件'),
        ),
        *(
            migrations.RunSQL(
                f"ALTER POLICY online_petition_report_{name} ON online_petition_exchange RENAME TO online_petition_exchange_{name}",
                f"ALTER POLICY online_petition_exchange_{name} ON online_petition_exchange RENAME TO online_petition_report_{name}",
            )
            for name in ("seen", "withheld")
        ),
        migrations.AddIndex(
            model_name='exchange',
            index=models.Index(condition=models.Q(('direction', 'out'), ('done_at', None), ('dropped_at', None)), fields=['id'], name='exchange_waiting'),
        ),
        migrations.AddIndex(
            model_name='exchange',
            index=models.Index(fields=['peer', '-made_at'], name='exchange_of_peer'),
        ),
        migrations.AddConstraint(
            model_name='exchange',
            constraint=models.UniqueConstraint(models.F('peer'), models.F('key'), condition=models.Q(('direction', 'in')), name='exchange_taken_once'),
        ),
    ]
