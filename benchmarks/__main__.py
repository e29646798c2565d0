"""`./yiwang bench [NAME] [OPTIONS]`: one benchmark with its options, or all of them one after another. `--list` names them; `--json` anywhere leaves
nothing but JSON on the output (an object for one, an array for all); what is under way is told on the error stream.
"""

import contextlib
import difflib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.city import say

#: name → what it measures, in the order of the day of an application
KNOWN = {
    "submit": "每秒提交多少件申请，旁边是同样几行的裸 INSERT",
    "worklist": "一百万件办件中，审批人员的任务列表和办件页，旁边是取同样几行的裸 SQL",
    "search": "一万多条实施清单中的门户检索：找得准不准、多快，旁边是普通 SQL（--questions FILE 用自己的问题）",
    "verify": "一百万份证照中，每秒核验多少次，旁边是一条走索引的裸 SELECT",
    "seal": "每秒排版并盖章多少份 PDF，旁边是 openssl 的签名速度",
    "kit": "一千万行登记簿的列表、接口、导入和导出，旁边是裸 SQL 和 COPY",
    "flows": "每秒推进并保存多少步流程（10 个和 100 个环节），旁边是 SpiffWorkflow 自带的序列化",
    "up": "从一无所有到第一个网页，以及再次启动",
}
BENCHMARKS = {name: words for name, words in KNOWN.items() if Path(__file__).with_name(f"{name}.py").is_file()}


def main(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    rest = [argument for argument in arguments if argument not in {"--json", "--list"}]
    if "--list" in arguments:
        print(json.dumps(BENCHMARKS, ensure_ascii=False) if as_json else "\n".join(f"{name:9} {words}" for name, words in BENCHMARKS.items()))
        return 0
    if rest and not rest[0].startswith("-"):
        return _one(rest[0], [*rest[1:], *(["--json"] if as_json else [])])
    if set(rest) - {"--quick"}:
        say(f"全部运行时只接受 --quick 和 --json，不认识：{' '.join(rest)}。其他选项请写在测速的名称之后。")
        return 2
    return _all(rest, as_json=as_json)


def _one(name: str, options: list[str]) -> int:
    if name not in BENCHMARKS:
        close = difflib.get_close_matches(name, BENCHMARKS, n=1)
        say(f"没有名为 {name} 的测速" + (f"，您是不是想运行 {close[0]}？" if close else "。") + f"现有：{'、'.join(BENCHMARKS)}。")
        return 2
    measure: Any = importlib.import_module(f"benchmarks.{name}").main
    return int(measure(options))


def _all(options: list[str], *, as_json: bool) -> int:
    """Each in a process of its own, because each works in a database and a folder of its own. What one cannot do stops no other."""
    answers, worst = [], 0
    for name in BENCHMARKS:
        say(f"— {name}：{BENCHMARKS[name]}")
        command = [sys.executable, "-m", "benchmarks", name, *options, *(["--json"] if as_json else [])]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        worst = max(worst, abs(done.returncode))
        if as_json:
            with contextlib.suppress(ValueError):
                answers.append(json.loads(done.stdout))
        else:
            print(done.stdout, flush=True)
    if as_json:
        print(json.dumps(answers, ensure_ascii=False))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
