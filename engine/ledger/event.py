"""What an entry says: the closed vocabulary of acts, and the form of an event. No free text, no identifiers.

Every event has ``v`` (1), ``at`` (when it was written, by the ledger's clock, which never runs backwards), ``act``
(one of :data:`ACTS`), and who acted: ``actor`` (a pseudonym), ``unit`` and ``role``, each a code or null. What else it
has depends on the kind of the entry::

    stream-open    origin: the log, by the name it was founded under; previous {ended, position, stream} or null;
                   tree_at, tree_size: the log as the writer saw it
    stream-close   nothing more
    heartbeat      streams [{position, stream}]: how many entries of each stream are committed
    the others     purpose, outcome (done, refused, repeated), reason (code of the error) or null, policies [code],
                   policy (hash of the policies) or null, definition (hash) or null, request (16 hex digits), part and
                   parts (of a list too long for one entry), approvals [{person, unit}], details {code: number, truth
                   or code}, records [{after, before, of, revision_after, revision_before}], one for each subject block

``of`` (16 hex digits, :func:`engine.ledger.entry.tag`) tells records of one case from those of others, and not which
case it is: it finds the salt for a block, and after an erasure the certificate. ``after`` and ``before`` are keyed
digests of the record (64 hex digits or null): equal digests are equal records of the same case, and without the key of
the case nothing can be learned from one. A change has ``after``; what only read has ``before``, and no ``after``. A
code is up to 200 letters, digits and
``. _ : @ / + - = * , #``. A hash has 64 hex digits, a stream 32.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from engine.ledger.canonical import NotCanonical, Value, time_of, time_text
from engine.ledger.entry import Kind

VERSION = 1
OUTCOMES = ("done", "refused", "repeated")
PURPOSES: Mapping[str, tuple[str, str]] = {
    "case_handling": ("办理", "handling of a case"),
    "supervision": ("督办", "supervision"),
    "audit": ("审计", "audit"),
    "administration": ("系统管理", "administration"),
    "custody": ("身份保管", "custody of identities"),
    "emergency": ("紧急处置", "emergency"),
    "reporting": ("报告", "reporting"),
    "trial": ("试验", "trial"),
    "unstated": ("未说明", "not stated"),
}
"""Why somebody acted; each with 中文 and English."""

ENDS = ("closed", "unknown", "lost")
"""How a stream ended, as the next one tells it: it was closed, nobody knows whether its last entry was committed, or
the process it belonged to gave it up (a fork)."""

ACTS: Mapping[str, tuple[str, str]] = {
    # the ledger about itself
    "stream:open": ("开始记录流", "open a stream"),
    "stream:close": ("结束记录流", "close a stream"),
    "stream:heartbeat": ("记录流心跳", "heartbeat of the streams"),
    "auditor:add": ("增加审计人", "add an auditor"),
    "auditor:remove": ("移除审计人", "remove an auditor"),
    "auditor:list": ("查看审计人", "list the auditors"),
    "signer:key": ("更换签署密钥", "change the signing key"),
    "signer:restart": ("恢复备份后重新开始签署", "restart signing after a restore"),
    "ledger:export": ("导出审计包", "export a bundle"),
    "ledger:salts": ("释出对象盐", "release salts of cases"),
    "ledger:digests": ("导出对账摘要", "export digests for reconciliation"),
    "ledger:status": ("查看审计账状态", "look at the state of the ledger"),
    "ledger:held": ("发现记录流缺口", "hold back a stream with a hole"),
    # changes of a case
    "case:open": ("立案", "open a case"),
    "track:open": ("开启办理线", "open a track"),
    "case:move": ("推进环节", "make a move"),
    "hand_off:offer": ("提出移交", "offer a hand-off"),
    "hand_off:accept": ("接收移交", "accept a hand-off"),
    "hand_off:decline": ("退回移交", "decline a hand-off"),
    "hand_off:withdraw": ("撤回移交", "withdraw a hand-off"),
    "hand_off:transfer": ("提出整案移交", "offer the transfer of a case"),
    "case:refer": ("转介", "refer to a unit"),
    "case:assign": ("指定经办人", "assign a person"),
    "case:contribute": ("补充内容", "contribute"),
    "case:consent": ("登记意愿", "record consent"),
    "case:correct": ("更正", "correct a fact"),
    "case:review_flag": ("复核标记", "review a flag"),
    "case:reverse": ("撤销上一步", "reverse the last act"),
    "case:relocate": ("变更地区", "relocate"),
    "case:link": ("关联刑事案件", "link a criminal case"),
    "case:close": ("结案", "close a case"),
    "case:reopen": ("重新立案", "reopen a case"),
    "duty:settle": ("落实职责", "settle a duty"),
    "track:decline": ("谢绝办理线", "decline a track"),
    "file:attach": ("收入附件", "attach a file"),
    "identity:record": ("登记身份", "record an identity"),
    # reads of cases
    "case:show": ("查看个案", "look at a case"),
    "case:moves": ("查看可办环节", "look at the moves of a case"),
    "case:timeline": ("查看办理记录", "read the timeline of a case"),
    "case:replay": ("重放个案", "replay a case"),
    "case:list": ("查看个案列表", "list cases"),
    "worklist:show": ("查看待办", "look at a worklist"),
    "file:list": ("查看附件目录", "list the files of a case"),
    "file:read": ("读取附件", "read a file"),
    "identity:search": ("查重", "search for records of a person"),
    "case:count": ("统计个案", "count cases"),
    "stall:list": ("查看停滞移交", "look at stalled hand-offs"),
    "access:explain": ("查询权限依据", "ask why something is permitted or not"),
    # identities shown, and emergencies
    "identity:request": ("申请调阅身份", "ask to see an identity"),
    "request:list": ("查看待审申请", "list the requests that wait for approval"),
    "identity:reveal": ("调阅身份", "show an identity"),
    "request:approve": ("同意申请", "approve a request"),
    "request:decline": ("不同意申请", "decline a request"),
    "emergency:open": ("紧急调阅", "break the glass"),
    "emergency:review": ("复核紧急调阅", "review a broken glass"),
    "emergency:list": ("查看紧急调阅", "list the broken glasses"),
    "notice:list": ("查看通知", "look at notices"),
    # people
    "people:init": ("设立首位管理员", "enrol the first administrator"),
    "people:add": ("登记人员", "enrol a person"),
    "people:grant": ("授予角色", "grant a role"),
    "people:end": ("终止角色", "end a role"),
    "people:deputy": ("指定代理人", "name a deputy"),
    "people:move": ("调动单位", "move a person to another unit"),
    "people:deactivate": ("停用人员", "deactivate a person"),
    "people:list": ("查看人员", "list people"),
    "erasure:certificate": ("查看删除证明", "look at a certificate of erasure"),
    # signing in
    "sign_in:begin": ("登录", "sign in"),
    "sign_in:prove": ("再次验证身份", "show a second factor again"),
    "sign_in:end": ("退出登录", "sign out"),
    "sign_in:end_all": ("在各处退出登录", "sign out everywhere"),
    "sign_in:list": ("查看登录情况", "look at sign-ins"),
    "sign_in:ticket": ("签发一次性登录", "issue a one-time sign-in"),
    "password:set": ("设定密码", "set a password"),
    "factor:add": ("登记第二验证方式", "enrol a second factor"),
    "factor:remove": ("移除第二验证方式", "remove a second factor"),
    "recovery:ask": ("申请恢复登录", "ask for the recovery of a sign-in"),
    "recovery:approve": ("同意恢复登录", "approve a recovery"),
    "recovery:stop": ("中止恢复登录", "stop a recovery"),
    "recovery:complete": ("完成恢复登录", "complete a recovery"),
    "recovery:list": ("查看恢复登录", "look at recoveries"),
    "provider:link": ("关联统一身份账号", "link an account of the identity provider"),
    "provider:unlink": ("取消统一身份账号关联", "unlink an account of the identity provider"),
    "provider:list": ("查看统一身份账号关联", "look at linked accounts of the identity provider"),
    "token:issue": ("签发服务令牌", "issue a service token"),
    "token:rotate": ("轮换服务令牌", "rotate a service token"),
    "token:revoke": ("吊销服务令牌", "revoke a service token"),
    "token:list": ("查看服务令牌", "look at service tokens"),
    # leads, and data shared where a clause prints it
    "lead:report": ("报告线索", "report a lead"),
    "lead:accept": ("受理线索", "accept a lead"),
    "lead:pass": ("移送线索", "pass a lead on"),
    "lead:close": ("办结线索", "close a lead"),
    "lead:reward": ("决定举报奖励", "decide on a reward"),
    "lead:show": ("查看线索", "look at a lead"),
    "lead:list": ("查看线索列表", "list leads"),
    "data:share": ("共享数据", "share data with another unit"),
    "data:list": ("查看数据共享", "look at what was shared"),
    # systems of units
    "webhook:add": ("登记推送地址", "add a webhook"),
    "webhook:rotate": ("轮换推送密钥", "rotate the secret of a webhook"),
    "webhook:end": ("停用推送地址", "end a webhook"),
    "webhook:list": ("查看推送地址", "look at webhooks"),
    "webhook:test": ("试发推送", "send a test to a webhook"),
    "webhook:deliver": ("推送通知", "deliver notices"),
    # erasure, keys, backups
    "erasure:request": ("申请删除或解除留存", "ask for an erasure or the end of a hold"),
    "erasure:hold": ("依法留存", "put a case on hold"),
    "erasure:release": ("解除留存", "release a hold"),
    "erasure:erase": ("删除个案", "erase a case"),
    "keys:rotate": ("轮换密钥", "rotate a key"),
    "keys:status": ("查看密钥状态", "look at the state of the keys"),
    "backup:create": ("备份", "make a backup"),
    # the installation
    "directory:load": ("更新单位目录", "load the unit directory"),
    "directory:show": ("查看单位目录", "look at the unit directory"),
    "parameter:set": ("更改本地设置", "set a local setting"),
    "parameter:list": ("查看本地设置", "look at local settings"),
    "approver:add": ("增加流程审定人", "add an approver"),
    "approver:revoke": ("撤销流程审定人", "revoke an approver"),
    "approver:list": ("查看流程审定人", "list the approvers"),
    "definition:approve": ("审定流程", "approve a definition"),
    "definition:release": ("发布流程", "release a definition"),
    "definition:list": ("查看流程发布情况", "look at the releases"),
    "definition:show": ("查看流程", "look at a definition"),
    "trial:set_up": ("建立试验环境", "set up a world for trial"),
}
"""Everything that is entered, each with 中文 and English. An act that stands not here cannot be written."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+\-=*,#]{0,199}", re.ASCII)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,40}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STREAM = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SHORT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_MOST_LISTED = 300

_WHO = ("actor", "role", "unit")
_ALWAYS = frozenset({"v", "at", "act", *_WHO})
_OPENING = _ALWAYS | {"origin", "previous", "tree_at", "tree_size"}
_BEAT = _ALWAYS | {"streams"}
_PLAIN = _ALWAYS | {
    "purpose", "outcome", "reason", "policies", "policy", "definition", "request", "part", "parts", "approvals",
    "details", "records",
}  # fmt: skip
_FIELDS: Mapping[Kind, frozenset[str]] = {
    Kind.STREAM_OPEN: _OPENING, Kind.STREAM_CLOSE: _ALWAYS, Kind.HEARTBEAT: _BEAT, Kind.EVENT: _PLAIN,
    Kind.KEY_EVENT: _PLAIN, Kind.CONTROL: _PLAIN,
}  # fmt: skip
_RECORD = {"after", "before", "of", "revision_after", "revision_before"}
_ACT_OF = {
    Kind.STREAM_OPEN: "stream:open", Kind.STREAM_CLOSE: "stream:close", Kind.HEARTBEAT: "stream:heartbeat",
}  # fmt: skip


class NotAnEvent(Exception):
    """An event is not of its form; ``place`` says where, such as ``records[0].after``. It repeats no value."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def stated(act: str, at: datetime, actor: str | None, unit: str | None, role: str | None = None) -> dict[str, Value]:
    """What every event begins with."""
    return {"v": VERSION, "at": time_text(at), "act": act, "actor": actor, "unit": unit, "role": role}


def founded_as(origin: str) -> str:
    """The name under which a log was founded: a restart of the signer adds ``/2`` and so on, and the log stays."""
    return origin.partition("/")[0]


def at_of(event: Mapping[str, Value]) -> datetime:
    """When an event was written. Raises :class:`NotAnEvent`."""
    try:
        return time_of(event.get("at"), "at")
    except NotCanonical:
        raise NotAnEvent("at") from None


def check(kind: Kind, event: Mapping[str, Value], blocks: int) -> None:
    """Hold an event of an entry of this kind, with so many subject blocks, to its form. Raises :class:`NotAnEvent`."""
    odd = sorted(_FIELDS[kind] ^ set(event))
    if odd:
        raise NotAnEvent(odd[0])
    at_of(event)
    _hold(event["v"] == VERSION and type(event["v"]) is int, "v")
    act = event["act"]
    _hold(isinstance(act, str) and act in ACTS and (act in _ACT_OF.values()) == (kind in _ACT_OF), "act")
    _hold(_ACT_OF.get(kind, act) == act, "act")
    for name in _WHO:
        _hold(event[name] is None or _is_code(event[name]), name)
    if kind is Kind.STREAM_OPEN:
        _check_opening(event)
    elif kind is Kind.HEARTBEAT:
        _each(event, "streams", _check_position)
    elif kind is not Kind.STREAM_CLOSE:
        _check_plain(event, blocks)
    _hold(not blocks or "records" in event, "records")


def _check_opening(event: Mapping[str, Value]) -> None:
    _hold(_is_code(event["origin"]), "origin")
    _hold(_is_count(event["tree_size"]), "tree_size")
    _hold(event["tree_at"] is None or _is_time(event["tree_at"]), "tree_at")
    previous = event["previous"]
    if previous is None:
        return
    _hold(isinstance(previous, dict) and set(previous) == {"ended", "position", "stream"}, "previous")
    assert isinstance(previous, dict), "it was just held to that"
    _hold(previous["ended"] in ENDS, "previous.ended")
    _check_position({name: previous[name] for name in ("position", "stream")}, "previous")


def _check_position(one: Value, place: str) -> None:
    _hold(isinstance(one, dict) and set(one) == {"position", "stream"}, place)
    assert isinstance(one, dict), "it was just held to that"
    _hold(_is(_STREAM, one["stream"]), f"{place}.stream")
    _hold(_is_count(one["position"]), f"{place}.position")


def _check_plain(event: Mapping[str, Value], blocks: int) -> None:
    _hold(isinstance(event["purpose"], str) and event["purpose"] in PURPOSES, "purpose")
    _hold(event["outcome"] in OUTCOMES, "outcome")
    _hold((event["outcome"] == "refused") == _is_code(event["reason"]), "reason")
    _hold(event["reason"] is None or event["outcome"] == "refused", "reason")
    _hold(event["policy"] is None or _is(_HASH, event["policy"]), "policy")
    _hold(event["definition"] is None or _is(_HASH, event["definition"]), "definition")
    _hold(_is(_SHORT, event["request"]), "request")
    part, parts = event["part"], event["parts"]
    _hold(type(part) is int and type(parts) is int and 1 <= part <= parts, "part")
    _each(event, "policies", lambda one, place: _hold(_is_code(one), place))
    _each(event, "approvals", _check_approval)
    _each(event, "records", _check_record)
    _hold(isinstance(event["records"], list) and len(event["records"]) == blocks, "records")
    details = event["details"]
    _hold(isinstance(details, dict) and len(details) <= _MOST_LISTED, "details")
    assert isinstance(details, dict), "it was just held to that"
    for name, value in details.items():
        _hold(_is(_KEY, name) and (type(value) in (int, bool) or _is_code(value)), f"details.{name}")


def _check_approval(one: Value, place: str) -> None:
    _hold(isinstance(one, dict) and set(one) == {"person", "unit"}, place)
    assert isinstance(one, dict), "it was just held to that"
    _hold(_is_code(one["person"]) and _is_code(one["unit"]), place)


def _check_record(one: Value, place: str) -> None:
    _hold(isinstance(one, dict) and set(one) == _RECORD, place)
    assert isinstance(one, dict), "it was just held to that"
    _hold(_is(_SHORT, one["of"]), f"{place}.of")
    for name in ("after", "before"):
        _hold(one[name] is None or _is(_HASH, one[name]), f"{place}.{name}")
        revision = one[f"revision_{name}"]
        _hold(revision is None or _is_count(revision), f"{place}.revision_{name}")


def _each(event: Mapping[str, Value], name: str, look: Callable[[Value, str], None]) -> None:
    listed = event[name]
    _hold(isinstance(listed, list) and len(listed) <= _MOST_LISTED, name)
    assert isinstance(listed, list), "it was just held to that"
    for index, one in enumerate(listed):
        look(one, f"{name}[{index}]")


def _is(form: re.Pattern[str], value: Value) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_code(value: Value) -> bool:
    return _is(_CODE, value)


def _is_count(value: Value) -> bool:
    return type(value) is int and value >= 0


def _is_time(value: Value) -> bool:
    try:
        time_of(value, "")
    except NotCanonical:
        return False
    return True


def _hold(is_so: bool, place: str) -> None:
    if not is_so:
        raise NotAnEvent(place)
