"""`python -m demo load [--scale N] [--no-cases] [--payment-url URL] [--sms-url URL] [--province-url URL]` loads the city; `python -m demo people [--json]` prints who can sign in."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.config.settings")


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description="The demo city: Zhanjiang with invented people.")
    commands = parser.add_subparsers(dest="command", required=True)
    load = commands.add_parser("load", help="load the city; harmless when it is there")
    load.add_argument("--scale", type=int, default=1, help="2,000 persons and 500 enterprises for each unit")
    load.add_argument("--cases", action=argparse.BooleanOptionalAction, default=True, help="some months of applications, 160 for each unit of scale")
    load.add_argument("--cases-at-most", type=int, default=160, help="fewer of each 160: the first ones are those that the demo people hold and have to decide")
    load.add_argument("--payment-url", default="http://127.0.0.1:8701")
    load.add_argument("--sms-url", default="http://127.0.0.1:8702")
    load.add_argument("--province-url", default="http://127.0.0.1:8703")
    people = commands.add_parser("people", help="print the demo accounts")
    people.add_argument("--json", action="store_true")
    options = parser.parse_args()
    django.setup()
    return show(as_json=options.json) if options.command == "people" else run(options)


def show(*, as_json: bool) -> int:
    from demo.cast import listed

    rows = listed()
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            print(f"{row['name']}  {row['role']}  用户名 {row['username']}  密码 {row['password']}  {row['note']}")
    return 0


def steps_of(options: argparse.Namespace) -> list[tuple[str, Callable[[], Any]]]:
    """What makes the city, in order; each is harmless when it was done before."""
    from demo import calendar, cases, cast, divisions, offices, people, petitions, rivers
    from demo.peers import keys
    from yiwang.config.home import home
    from yiwang.engines.indicators import api as indicators
    from yiwang.engines.registers import api as registers
    from yiwang.platforms.items import api as items
    from yiwang.platforms.licences import api as licences
    from yiwang.systems.welfare.online_petition import filing

    folder = home() / "keys" / "peers"
    return [
        ("工作日历", registers.seed_calendar),
        ("行政区划", divisions.load_divisions),
        ("县界", divisions.load_boundaries),
        ("机构", divisions.load_organisations),
        ("证照类型", licences.load_types),
        ("服务事项", items.load_catalogue),
        ("信访内容和时限", filing.seed),
        ("人员和企业", lambda: people.load_people(options.scale)),
        ("演示账号", cast.load_cast),
        ("下一年度日历（演示推定）", calendar.load_next_year),
        ("河湖", rivers.load_rivers),
        ("河长令", rivers.load_orders),
        *([("办件", lambda: cases.load_cases(options.scale, options.cases_at_most))] if options.cases else []),  # before the channels: nobody gets a short message about the past
        *([("信访件", petitions.load_petitions)] if options.cases else []),
        ("指标目标", indicators.load_targets),
        *([("指标数据", indicators.catch_up), ("今日指标", indicators.refresh)] if options.cases else []),
        ("支付和短信渠道", lambda: keys.configure(folder, payment_url=options.payment_url, sms_url=options.sms_url)),
        ("省和部门信访系统", lambda: keys.configure_province(folder, url=options.province_url)),
        *([("部门系统办理的信访件", offices.load_offices)] if options.cases else []),
    ]


def run(options: argparse.Namespace) -> int:
    from demo import progress

    steps = steps_of(options)
    progress.begin()
    for number, (name, step) in enumerate(steps, 1):
        begun = time.monotonic()
        print(f"  [{number}/{len(steps)}] {name} …", end="", flush=True)
        result = step()
        progress.finish(name)
        print(f" {result if result is not None else '完成'}（{time.monotonic() - begun:.1f} 秒）", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
