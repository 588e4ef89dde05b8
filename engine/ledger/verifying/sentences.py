"""What the verifier says, in 中文 and English: every check, state, count and word that can come up."""

from __future__ import annotations

from collections.abc import Mapping

from engine.ledger.verifying.report import Finding, State

Label = tuple[str, str]
"""中文, English."""

STATES: Mapping[State, Label] = {
    "pass": ("相符", "PASS"),
    "fail": ("不符", "FAIL"),
    "unchecked": ("未核", "UNCHECKED"),
    "none": ("无", "NONE"),
}
VERDICTS: Mapping[int, Label] = {
    0: ("全部相符", "everything that was to be checked is right"),
    1: (
        "发现不符：审计账、审计包或随附文件曾被改动",
        "something is wrong: ledger, bundle or files beside it were changed",
    ),
    2: ("未能全部核对：不得视为相符", "not everything could be checked: this is not a pass"),
}
CHECKS: Mapping[str, Label] = {
    "form": ("审计包完整", "the bundle is whole"),
    "signature": ("检查点签名", "signature of the checkpoint"),
    "witnesses": ("见证方签名", "signatures of witnesses"),
    "append_only": ("自上次以来只增不改", "only grown since your checkpoint"),
    "leaves": ("逐条重算哈希树", "every leaf hashed again"),
    "timestamps": ("时间戳", "timestamps"),
    "streams": ("记录流连续", "streams without gaps"),
    "decryption": ("解密", "decryption"),
    "events": ("记录格式", "form of the events"),
    "clock": ("时间不倒退", "time runs forward"),
    "heartbeats": ("心跳所载位置", "positions told by heartbeats"),
    "recipients": ("加密对象", "to whom it is sealed"),
    "certificates": ("删除证明", "certificates of erasure"),
    "subjects": ("所涉对象", "whom entries concern"),
    "history": ("个案记录沿革", "history of the records"),
    "reconciliation": ("与现存记录对账", "records as they are now"),
    "beyond": ("检查点之后（导出方自述，未经证明）", "after the checkpoint (told by the exporter, not proved)"),
}
COUNTS: Mapping[str, Label] = {
    "checked": ("已核", "checked"),
    "leaves": ("条目", "leaves"),
    "timestamps": ("时间戳", "timestamps"),
    "streams": ("记录流", "streams"),
    "left_open": ("未结束", "left open"),
    "heartbeats": ("心跳", "heartbeats"),
    "positions": ("位置", "positions"),
    "longest_pause_seconds": ("最长无心跳秒数", "longest time without a heartbeat, seconds"),
    "auditors": ("审计人", "auditors"),
    "certificates": ("证明", "certificates"),
    "shredded": ("已随删除销毁", "shredded"),
    "unopened": ("未打开", "unopened"),
    "records": ("个案记录", "records"),
    "on_record": ("现存", "on record"),
    "after": ("检查点后条目", "entries after it"),
    "waiting": ("待编入", "entries that wait"),
}

_NOTES: Mapping[str, Label] = {
    "note:text": ("检查点不是规定的格式", "the checkpoint is not of its form"),
    "note:signature line": ("检查点的签名行格式不符", "a signature line of the checkpoint is not of its form"),
    "note:repeated signature": ("检查点有重复的签名", "a signature of the checkpoint stands there twice"),
    "note:size": ("检查点的条数不是规定的写法", "the size in the checkpoint is not of its form"),
    "note:origin": ("检查点的账名不是规定的写法", "the name of the log in the checkpoint is not of its form"),
    "note:root": ("检查点的树根不是规定的写法", "the root in the checkpoint is not of its form"),
    "note:key": (
        "公钥不是规定的写法，或有两把无法区分",
        "a public key is not of its form, or two cannot be told apart",
    ),
    "note:signature": (
        "签名不成立：内容被改动，或由他人签署",
        "the signature does not hold: changed, or signed by another key",
    ),
    "note:unsigned": ("此公钥没有签署这个检查点", "this key did not sign the checkpoint"),
}
_PROOF: Mapping[str, Label] = {
    "bundle:cut short": ("审计包不完整，到此中断；以上部分已核对",
                         "the bundle ends here; what came before was checked"),
    "bundle:not a bundle": ("此文件不是审计包", "this file is no bundle"),
    "bundle:order": ("审计包的部分缺失、重复或次序不对", "a section is missing, doubled or out of order"),
    "bundle:size": ("审计包某部分的长度不符", "a section has a length that it cannot have"),
    "bundle:checksum": ("校验和不符：审计包导出后被改动",
                        "the checksum is wrong: the bundle was changed after the export"),
    "info malformed": ("审计包的说明部分不是规定的格式", "the info of the bundle is not of its form"),
    "origins differ": ("说明所载账名与检查点不同", "the info names another log than the checkpoint"),
    "no log key": ("未提供审计账公钥", "the log's public key was not given"),
    "no checkpoint": ("没有可用的检查点", "there is no checkpoint to hold it to"),
    "checkpoint of another log": ("这是另一本审计账的检查点", "this is a checkpoint of another log than the key's"),
    "witness missing": ("此见证方没有签署", "this witness did not sign"),
    "unknown signer": ("另有不认识的签署方，未提供其公钥", "somebody else signed whose key was not given"),
    "nothing remembered": ("未提供您上次的检查点", "your checkpoint of last time was not given"),
    "remembered from now on": ("首次核对：自此记住本检查点", "the first time: remembered from now on"),
    "remembered unreadable": ("您上次的检查点无法读取", "your checkpoint of last time cannot be read"),
    "remembered another log": ("您上次的检查点属于另一本审计账", "your checkpoint of last time is of another log"),
    "smaller than remembered": ("条目少于您上次的检查点：有记录被去掉",
                                "fewer entries than last time: some were taken away"),
    "fork": ("条数与上次相同而树根不同：同一本账有两个版本", "as many entries as last time and another root: a fork"),
    "not grown from remembered": ("您已核对过的条目被改动", "entries that you verified last time were changed"),
    "not reached": ("未读到该条数，无法比较", "not read so far, so nothing was compared"),
    "root differs": ("重算的树根与检查点不同：有条目被改动、增减或调换",
                     "the root differs: entries were changed, added, dropped or swapped"),
    "too many": ("条目多于检查点所载", "more entries than the checkpoint covers"),
    "too few": ("条目少于检查点所载", "fewer entries than the checkpoint covers"),
    "cut": ("审计包中断，条目未读完", "the bundle is cut short before the last entry"),
    "no anchor": ("未提供时间戳机构的根证书", "no root certificate for this timestamp was given"),
    "no timestamp": ("提供了根证书，但审计包没有时间戳",
                     "root certificates were given, and the bundle has no timestamp"),
    "timestamp of another log": ("时间戳属于另一本审计账", "a timestamp of another log"),
    "timestamp of another tree": ("时间戳所证的树与此不同：其后条目被改动",
                                  "a timestamp of another tree: entries were changed since"),
    "smaller than timestamp": ("条目少于时间戳所证：有记录被去掉",
                               "fewer entries than a timestamp proves: some were taken away"),
    "latest timestamp": ("最近的时间戳", "the latest timestamp"),
    "timestamp:form": ("时间戳不是规定的格式", "the timestamp is not of its form"),
    "timestamp:not granted": ("时间戳机构未予签发", "the authority did not grant a timestamp"),
    "timestamp:another note": ("时间戳所证的是别的内容", "the timestamp is over something else"),
    "timestamp:another request": ("时间戳答复的是别的请求", "the timestamp answers another request"),
    "timestamp:roots": ("根证书无法使用", "the root certificates cannot be used"),
    "timestamp:not proved": ("时间戳不是由所信任的机构签发，或被改动",
                             "no authority below these roots made the timestamp, or it was changed"),
}  # fmt: skip
_ENTRIES: Mapping[str, Label] = {
    "stream:unknown": ("条目所属的记录流没有开头：混入了别处的条目",
                       "an entry of a stream without an opening: of another log"),
    "stream:gap": ("记录流中有条目缺失（应为／实为）", "entries of the stream are missing (expected / found)"),
    "stream:repeated": ("记录流的同一位置出现两次（应为／实为）",
                        "a place in the stream is taken twice (expected / found)"),
    "stream:behind": ("密钥已用过：条目被移动或重放", "its key was used before: moved, or shown twice"),
    "stream:closed": ("记录流结束之后又有条目", "an entry after the end of its stream"),
    "entry:format": ("不是审计账条目的格式", "not of the form of an entry"),
    "entry:key": ("记录流没有对此密钥加密，或条目属于另一记录流", "not sealed for this key, or of another stream"),
    "entry:changed": ("条目不能解密：被改动、移动，或用别的密钥加密",
                      "does not open: changed, moved, or sealed under another key"),
    "entry:plain": ("条目能解密，但内容不是规定的格式：写入时即如此",
                    "it opens, and is not of its form: it was written so"),
    "unread:foreign": ("记录流没有对所给的私钥加密（不是此审计人的，或其加入之前的）",
                       "the stream is not sealed to any key given: another auditor's, or from before she was added"),
    "unread:lost": ("记录流的开头缺失或不能解密，其后条目无法读取", "its stream's opening is missing or does not open"),
    "canonical:type": ("记录含不允许的类型", "the event holds something of a type that it cannot have"),
    "canonical:key": ("记录含不允许的字段名", "the event has a field of no possible name"),
    "canonical:number": ("记录含不允许的数字", "the event holds a number that it cannot have"),
    "canonical:text": ("记录含不允许的文字", "the event holds a text that it cannot have"),
    "canonical:time": ("记录的时间不是规定的写法", "a time of the event is not of its form"),
    "canonical:levels": ("记录的层次过深", "the event is nested too deep"),
    "canonical:bytes": ("记录的字节不是唯一规定的写法", "the event's bytes are not the one way of writing it"),
    "not an event": ("记录缺字段、多字段或字段的值不在规定之内",
                     "the event lacks a field, or has one or a value too many"),
    "opening of another log": ("记录流是在另一本审计账中开始的", "the stream was opened in another log"),
    "clock backwards": ("同一记录流内时间倒退", "time runs backwards within the stream"),
    "opened too early": ("记录流开始的时间比此前已编入的记录早五分钟以上",
                         "opened more than five minutes before what was in the log already"),
    "before the tree it saw": ("记录流开始的时间早于其所见的账", "opened before the log that it says it saw"),
    "tree larger than its place": ("记录流自称所见的账比自身位置还长",
                                   "it says it saw a longer log than there was before it"),
    "position not reached": ("心跳或后续记录流所载的条目没有编入：编入之前被去掉",
                             "entries that were told of never got into the log: taken away before they were sequenced"),
    "position not reached yet": ("心跳所载的条目尚未读到", "entries that were told of were not read so far"),
    "recipient smuggled in": ("记录流对未经宣布的密钥加密", "sealed to a key that was never announced"),
    "recipient left out": ("记录流没有对已宣布的审计人加密", "not sealed to an auditor who was announced"),
    "recipients unknown": ("有变更审计人的条目未能读取，无法判断",
                           "a change of auditors may be among what was not read"),
    "no key": ("未提供审计人私钥", "no private key of an auditor was given"),
    "some entries unread": ("有条目未能读取，其内容未核（条数）",
                            "some entries could not be read, so this is not all (how many)"),
}  # fmt: skip
_RECORDS: Mapping[str, Label] = {
    "certificate malformed": ("删除证明不是规定的格式", "a certificate of erasure is not of its form"),
    "certificate missing or changed": ("删除证明缺失，或与账上所载不同",
                                       "the certificate is missing, or is not the one entered"),
    "certificate of another case": ("删除证明属于另一个案", "the certificate is of another case"),
    "certificate not entered yet": ("删除证明在已读部分尚无对应条目",
                                    "no entry for the certificate among those that were read"),
    "certificate never entered": ("删除证明没有对应条目：账上没有这次删除", "the ledger tells of no such erasure"),
    "no salts": ("未提供对象盐", "no salts were given"),
    "salt not there": ("盐文件没有此个案", "the salts of this case were not given"),
    "newer than the salts": ("个案晚于盐文件", "newer than the file of salts"),
    "no salt and no certificate": ("对象无法读取，又没有删除证明",
                                   "nobody can read whom it concerns, and no certificate says why"),
    "damaged salt": ("导出盐时个案密钥已损坏", "the key of the case did not open when the salts were written"),
    "salts of another log": ("盐文件属于另一本审计账", "the salts are of another log"),
    "subject:key": ("对象不能用该个案的盐打开", "the block does not open under the salt of its case"),
    "subject:changed": ("对象部分被改动", "the block was changed"),
    "subject:plain": ("对象部分不是规定的格式", "the block is not of its form"),
    "subject of another case": ("对象部分写的是另一个案", "the block names another case than its salt"),
    "shredded": ("对象已随删除销毁（删除证明）", "shredded (certificate)"),
    "changed though refused": ("被拒绝的操作却有变更", "it was refused, and tells of a change"),
    "does not follow": ("变更没有承接上一版", "the change does not go on from the revision before"),
    "revision twice": ("同一版本有两种内容", "a revision was entered twice, and differs"),
    "revision missing": ("缺少这一版的变更记录", "the change to this revision was never entered"),
    "revision never entered": ("看到的这一版从未入账", "the revision that was looked at was never entered"),
    "not what was entered": ("看到的内容与该版入账的内容不同",
                             "what was looked at is not what was entered as this revision"),
    "old record shown": ("新版入账一分钟之后仍显示旧版",
                         "an old record was shown, a minute and more after a newer one"),
    "no digests": ("未提供对账摘要", "no digests of the records were given"),
    "digests of another log": ("对账摘要属于另一本审计账", "the digests are of another log"),
    "digests newer than the bundle": ("对账摘要晚于审计包，最后的变更未能对账",
                                      "the digests are newer than the bundle"),
    "damaged record": ("导出时记录不能打开：存储内容被改动", "the record did not open when the digests were taken"),
    "never entered": ("现存记录从未入账", "it is on record, and was never entered"),
    "changed behind the ledger": ("现存记录与最后入账的不同（入账／现存的版本）",
                                  "not what was entered last (revision entered / found)"),
    "gone": ("曾入账的记录已不存在，也没有删除", "it was entered, and is neither on record nor erased"),
    "export:form": ("随附文件此行不是规定的格式", "this line of the file is not of its form"),
    "export:another file": ("这不是所要的随附文件", "this is not the file that was asked for"),
    "export:twice": ("随附文件此行重复", "this stands twice in the file"),
    "held back": ("导出方称：此流自该位置缺条目，其后被扣留",
                  "the exporter says: from here the stream has a hole, and is held"),
    "exported at": ("导出时间", "exported at"),
    "nothing told": ("审计包没有可读的说明", "the bundle has no readable info"),
}  # fmt: skip
_FILES: Mapping[str, Label] = {
    "key file:form": ("不是审计人的密钥文件，或已损坏", "no key file of an auditor, or a damaged one"),
    "key file:passphrase": ("口令不对", "the passphrase is wrong"),
    "key file:passphrase needed": ("此密钥文件需要口令", "this key file needs a passphrase"),
}
WORDS: Mapping[str, Label] = {**_NOTES, **_PROOF, **_ENTRIES, **_RECORDS, **_FILES}


def pick(label: Label, language: str) -> str:
    """The one of two texts that is in this language: ``zh`` or ``en``."""
    return label[0] if language == "zh" else label[1]


def place_words(finding: Finding, language: str) -> str:
    """Where something was found, in words; nothing when no place is known."""
    place = finding.place
    parts = (
        (("条目 {}", "entry {}"), place.entry),
        (("记录流 {}", "stream {}"), place.stream),
        (("位置 {}", "place {}"), place.seq),
        (("个案 {}", "case {}"), place.case),
        (("人员 {}", "person {}"), place.person),
        (("第 {} 字节", "byte {}"), place.byte),
        (("第 {} 行", "line {}"), place.line),
    )
    told = [pick(label, language).format(value) for label, value in parts if value is not None]
    return pick(("，", ", "), language).join(told)


def sentence(finding: Finding, language: str) -> str:
    """A finding in one line: where, what, and the codes and numbers that say more."""
    where = place_words(finding, language)
    what = pick(WORDS[finding.word], language)
    more = pick(("（{}）", " ({})"), language).format(finding.detail) if finding.detail else ""
    return pick(("{}：{}{}", "{}: {}{}"), language).format(where, what, more) if where else f"{what}{more}"
