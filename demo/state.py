"""`python -m demo.state PAYMENT_URL SMS_URL PROVINCE_URL`: one look at an installation, as JSON: are tables pending, is a city loaded. Tells the rows where the stand-ins are."""

import json
import os
import sys
from argparse import Namespace

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.config.settings")


def look(payment_url: str, sms_url: str, province_url: str) -> dict[str, bool]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from demo import progress
    from demo.__main__ import steps_of
    from demo.peers import keys
    from yiwang.config.home import home
    from yiwang.platforms.identity.models import Account

    executor = MigrationExecutor(connection)
    pending = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    done = None if pending else progress.finished()
    urls = {"payment_url": payment_url, "sms_url": sms_url, "province_url": province_url}
    wanted = {name for name, _ in steps_of(Namespace(scale=1, cases=True, **urls))}
    loaded = not pending and (Account.objects.exists() if done is None else wanted <= done)  # a city that is not the demo's is left alone
    if loaded:
        folder = home() / "keys" / "peers"
        keys.configure(folder, payment_url=payment_url, sms_url=sms_url)
        keys.configure_province(folder, url=province_url)
    return {"pending": pending, "loaded": loaded}


if __name__ == "__main__":
    django.setup()
    print(json.dumps(look(*sys.argv[1:])))
