"""The figures of the river chiefs: walked, valid, settled in time, clean sections, old problems again, who found them, standards that hold."""

from django.db.models import Q

from yiwang.kit.declare import Indicator
from yiwang.platforms.patrols.models import Duty, Round
from yiwang.systems.governance.river_chief.models import (
    ChiefOrder,
    ClauseRun,
    OutfallSearch,
    RepairCheck,
    RiverProblem,
    Sample,
    WaterAlert,
    ZoneResult,
)
from yiwang.systems.governance.river_chief.monthly import COMPLETE

TAKEN_UP = ~Q(incident__stage="void")  # what was not taken up is no problem

INDICATORS = (
    Indicator(
        code="river-patrol-done", name="巡河完成率", unit="%", kind="share", of=Duty, at="last", where=Q(plan__subject="reach"), part=Q(met=True), better="more",
        note="到期的巡河任务中，有效巡河次数达到频次要求的比例；代巡计入完成，另行分列。",
    ),
    Indicator(
        code="river-patrol-valid", name="巡河有效率", unit="%", kind="share", of=Round, at="started_at", where=Q(plan__subject="reach"), part=Q(valid=True), better="more",
        note="巡河记录中，轨迹、时长、速度和覆盖率都符合要求的比例。",
    ),
    Indicator(
        code="river-closed-on-time", name="问题按期整改率", unit="%", kind="share", of=RiverProblem, at="incident__closed_at", case="incident__case",
        where=TAKEN_UP & Q(incident__closed_at__isnull=False, incident__on_time__isnull=False), part=Q(incident__on_time=True), better="more",
        note="当期销号的河湖问题中，在整改期限内提交整改结果的比例。",
    ),
    Indicator(
        code="river-sections-met", name="断面水质达标率", unit="%", kind="share", of=Sample, at="month", where=COMPLETE, part=Q(met=True), better="more",
        note="五项月数据齐全的断面中，水质类别达到目标的比例；类别按 GB 3838-2002 单因子评价。",
    ),
    Indicator(
        code="river-alerts", name="水质预警", unit="次", of=WaterAlert, at="raised_at", better="less", note="自动站数据连续不达标引发的预警次数，按预警时间。",
    ),
    Indicator(
        code="river-orders-on-time", name="河长令按期反馈率", unit="%", kind="share", of=ChiefOrder, at="answered_at", where=Q(on_time__isnull=False), part=Q(on_time=True), better="more",
        note="已反馈的河长令和督办单中，在办理期限内反馈的比例，按反馈时间。",
    ),
    Indicator(
        code="river-repairs-reached", name="生态修复达标率", unit="%", kind="share", of=RepairCheck, at="day", part=Q(reached=True), better="more",
        note="修复成效监测中，监测值达到修复目标的比例，按监测日期。",
    ),
    Indicator(
        code="river-recurrence", name="问题反复率", unit="%", kind="share", of=RiverProblem, at="found_at", where=TAKEN_UP, part=Q(again__isnull=False), case="incident__case", better="less",
        note="当期发现的河湖问题中，与已销号的同类问题地点相近、时间不久的比例；距离和天数见政策参数。",
    ),
    Indicator(
        code="river-crowd-share", name="群众发现占比", unit="%", kind="share", of=RiverProblem, at="found_at", where=TAKEN_UP, part=Q(incident__eye="crowd"), case="incident__case",
        note="当期发现的河湖问题中，由群众反映发现的比例。",
    ),
    Indicator(
        code="river-zones-met", name="水功能区达标率", unit="%", kind="share", of=ZoneResult, at="month", part=Q(met=True), better="more",
        note="有监测的水功能区中，当月各项目都达到水质目标的比例；多断面取值按政策参数，开发利用区一级区和排污控制区不单独评价。",
    ),
    Indicator(
        code="river-outfalls-found", name="排查查实排口", unit="处", kind="sum", of=OutfallSearch, at="opened_at", measure="found", better="neither",
        note="排口排查中现场查实的排口数，按组织排查的时间。",
    ),
    Indicator(
        code="river-searches", name="排口排查", unit="次", of=OutfallSearch, at="opened_at", better="neither", note="组织的排口排查次数，按组织时间。",
    ),
    Indicator(
        code="river-standards-passed", name="标准条款通过率", unit="%", kind="share", of=ClauseRun, at="at", part=Q(passed=True), better="more",
        note="当期运行的标准条款检查中，全部数据符合要求的比例。",
    ),
)  # fmt: skip
