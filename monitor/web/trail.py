"""What the audit trail's rows say to a reader: its own words are those of programs."""

from __future__ import annotations

import re

from monitor.base.i18n import tr
from monitor.store.audit import COMMAND_LINE

_COUNTED = re.compile(r"(call|token|calibration|import) (\d+)|(\d+) (calls|files)")


def action_names() -> dict[str, str]:
    """Every action and what it is called, in the order in which they are offered."""
    return {
        "call.view": tr("查看通话", "call opened"),
        "call.read": tr("读取通话内容", "content of a call read"),
        "calls.search": tr("搜索通话内容", "what was said in calls searched"),
        "rules.backtest": tr("规则回测", "rules tried on stored calls"),
        "call.watch": tr("监看通话", "call watched live"),
        "call.listen": tr("收听录音", "recording listened to"),
        "call.export": tr("导出通话", "call exported"),
        "calls.export": tr("批量导出通话", "calls exported"),
        "call.delete": tr("删除通话", "call deleted"),
        "call.flag": tr("标记通话", "call flagged"),
        "call.heard": tr("标为已听", "call marked as heard"),
        "finding.judge": tr("判定发现", "finding judged"),
        "finding.add": tr("补充发现", "finding added"),
        "finding.remove": tr("移除补充的发现", "added finding removed"),
        "scorecard.final": tr("提交评分", "scorecard handed in"),
        "review.assign": tr("分配复核", "reviews dealt out"),
        "review.give": tr("转交复核", "review handed over"),
        "review.skip": tr("跳过复核", "review left out"),
        "plan.create": tr("新建抽检计划", "sampling plan made"),
        "plan.draw": tr("抽取样本", "sample drawn"),
        "plan.switch": tr("启停抽检计划", "sampling plan switched"),
        "plan.delete": tr("删除抽检计划", "sampling plan deleted"),
        "imports.upload": tr("上传录音", "recordings uploaded"),
        "imports.retry": tr("重试导入", "import tried again"),
        "report.export": tr("导出报表", "report exported"),
        "appeal.file": tr("提出申诉", "appeal filed"),
        "appeal.view": tr("查看申诉", "appeal opened"),
        "appeal.decide": tr("裁定申诉", "appeal decided"),
        "appeal.withdraw": tr("撤回申诉", "appeal withdrawn"),
        "appeals.policy": tr("更改申诉规则", "rules of appeals changed"),
        "calibration.create": tr("新建校准", "calibration begun"),
        "calibration.view": tr("查看校准", "calibration opened"),
        "calibration.score": tr("校准评分", "calibration scored"),
        "calibration.close": tr("结束校准", "calibration closed"),
        "case.add": tr("加入案例", "case added"),
        "case.view": tr("查看案例", "case opened"),
        "case.listen": tr("收听案例", "case listened to"),
        "case.change": tr("修改案例", "case changed"),
        "case.archive": tr("归档案例", "case archived"),
        "labelled.export": tr("导出标注数据", "labelled set exported"),
        "login": tr("登录", "signed in"),
        "login.failed": tr("登录失败", "sign-in failed"),
        "logout": tr("退出", "signed out"),
        "user.create": tr("新建用户", "user created"),
        "user.change": tr("修改用户", "user changed"),
        "user.password": tr("更改密码", "password changed"),
        "token.create": tr("新建令牌", "token made"),
        "token.revoke": tr("吊销令牌", "token revoked"),
        "demo.prepare": tr("准备演示数据", "demonstration prepared"),
    }


def actor_name(actor: str) -> str:
    """Who did it: a sign-in name, or the command line."""
    return tr("命令行", "command line") if actor == COMMAND_LINE else actor


def object_name(thing: str) -> str:
    """What it was done to; what is no call, file or the like stands for itself."""
    found = _COUNTED.fullmatch(thing)
    if found is None:
        return thing
    one, number, count, many = found.groups()
    if one is None:
        return f"{count} {tr({'calls': '通电话', 'files': '个文件'}[many], many)}"
    names = {"call": "通话", "token": "令牌", "calibration": "校准", "import": "导入"}
    return f"{tr(names[one], one)} {number}"


def object_of(asked: str) -> str:
    """The object that somebody asks for: `call 12`, also as `12` or `通话 12`."""
    found = re.fullmatch(r"(?:通话\s*)?(\d+)", asked.strip())
    return f"call {found[1]}" if found else asked.strip()


def call_of(thing: str) -> int | None:
    """The number of the call that an object is; None where it is none."""
    found = re.fullmatch(r"call (\d+)", thing)
    return int(found[1]) if found else None
