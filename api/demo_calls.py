"""Calls to try in a demo world by REST, as a script that runs as it stands; ``-> 422 code`` is what a call answers."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from api.demo_people import Way

NAME = "try-it.sh"
KEPT = ".try-it"
"""Where the script keeps the sign-ins that it began, beside itself."""

_HEAD = r"""#!/bin/sh
# 通过 REST 试用演示环境。演示环境正在提供服务时，全部执行：sh try-it.sh；也可逐段执行。
# Trying the demo world by REST. While it is served, all of it: sh try-it.sh; or piece by piece.
# 每次调用先给出回答，再给出状态码，与其上注明的“-> 状态码 错误代码”相符。
# Each call says its answer and then its status, which is what stands above it: "-> status code-of-the-error".
umask 077
SITE=${SITE:-@SITE@}
API=$SITE/api/v1
KEPT=@KEPT@
JSON='Content-Type: application/json'
TODAY=$(TZ=CST-8 date +%F)
mkdir -p "$KEPT"
ask() { curl -sS -w '\n-> %{http_code}\n\n' -H 'Accept-Language: @LANGUAGE@' "$@"; }
"""

_CALLS = r"""
# 1. 用一次性登录凭证登录；凭证只能用一次，所以把登录留存，下次再用。-> 200
#    登录久未使用即失效，届时请重新运行 guitu demo。
#    Sign in with a ticket. It is good once, so the sign-in is kept for the next time. One that was not used for long is
#    over: then run guitu demo again.
sign_in() {
  grep -qs '"token"' "$KEPT/$1" || ask "$API/sign-in/ticket" -H "$JSON" -d "{\"ticket\": \"$2\"}" > "$KEPT/$1"
  cat "$KEPT/$1"
}
bearer() { echo "Authorization: Bearer $(sed -n 's/.*"token":"\([^"]*\)".*/\1/p' "$KEPT/$1")"; }
sign_in caseworker-1 @caseworker-1@
POLICE=$(bearer caseworker-1)

# 2. 同一凭证再用一次。-> 401 sign_in_failed
#    The same ticket a second time.
ask "$API/sign-in/ticket" -H "$JSON" -d '{"ticket": "@caseworker-1@"}'

# 3. 其他人也登录：民政、学校、联席会议。-> 200 -> 200 -> 200
#    The others sign in, too: civil affairs, a school, the joint conference.
sign_in caseworker-2 @caseworker-2@
sign_in reporter-1 @reporter-1@
sign_in joint-1 @joint-1@
CIVIL=$(bearer caseworker-2)
SCHOOL=$(bearer reporter-1)
OFFICE=$(bearer joint-1)

# 4. 未登录。-> 401 not_signed_in
#    Nobody is signed in.
ask "$API/cases"

# 5. 公安机关接到线索，立案。-> 201
#    The police had a lead and open a case.
ask "$API/cases" -H "$POLICE" -H "$JSON" -d '{"area": "350102", "facts":
  {"intake.route": "police_lead", "victim.suspected_trafficked": true, "victim.is_child": true}}' | tee "$KEPT/case"
CASE=$(sed -n 's/.*"case":"\([^"]*\)".*/\1/p' "$KEPT/case")

# 6. 本单位的待办，和这一个案。-> 200 -> 200
#    What waits for the unit, and this case.
ask "$API/worklists/mine" -H "$POLICE"
ask "$API/cases/$CASE" -H "$POLICE"

# 7. 可办理的动作，以及暂不能办理的动作和全部原因。-> 200
#    The moves that are open, and those that are not, each with all its reasons.
ask "$API/cases/$CASE/moves?explain=true" -H "$POLICE"

# 8. 未登记应登记的内容：列出全部原因及条款。-> 422 conditions_unmet
#    Nothing of what must be on record is: refused with every reason and its clause.
ask "$API/cases/$CASE/tracks/rescue/moves" -H "$POLICE" -H "$JSON" -d '{"move": "record_rescue"}'

# 9. 核实线索；If-Match 写明所看到的版本。-> 200
#    The lead is verified; If-Match says which revision was looked at.
ask "$API/cases/$CASE/tracks/rescue/moves" -H "$POLICE" -H "$JSON" -H 'If-Match: "1"' \
  -d '{"move": "verify", "facts": {"lead.summary": "a child whom nobody knows"}}'

# 10. 个案其后已有更新。-> 412 stale_revision
#     The case went on since.
ask "$API/cases/$CASE/tracks/rescue/moves" -H "$POLICE" -H "$JSON" -H 'If-Match: "1"' -d '{"move": "record_rescue"}'

# 11. 登记解救；各办理线随之开启，并移交各单位。-> 200
#     The rescue is put on record; tracks open by themselves and are offered to the units concerned.
ask "$API/cases/$CASE/tracks/rescue/moves" -H "$POLICE" -H "$JSON" -d '{"move": "record_rescue", "facts":
  {"rescue.on": "'"$TODAY"'", "victim.age_years": 7, "victim.sex": "male", "victim.identity": "unclear",
   "victim.origin": "unknown", "victim.transnational": false, "victim.illegally_fostered": false,
   "buyer_family.state": "recorded", "buyer_family.persons": ["P-BUYER-0001", "P-BUYER-0002"]}}'

# 12. 公安机关没有找亲的结果，就想移交安置：不予办理。-> 422 conditions_unmet
#     The police would hand placement over and have not stated that nobody was found: a printed condition.
ask "$API/cases/$CASE/tracks/placement/moves" -H "$POLICE" -H "$JSON" -d '{"move": "hand_to_civil_affairs"}'

# 13. 民政部门的待办，和个案中待接收的移交。-> 200 -> 200
#     What waits for civil affairs, and the hand-offs of the case that wait for an answer.
ask "$API/worklists/mine" -H "$CIVIL"
ask "$API/cases/$CASE/hand-offs" -H "$CIVIL" | tee "$KEPT/hand-offs"
NUMBER=$(grep -o '"number":[0-9]*' "$KEPT/hand-offs" | head -n 1 | cut -d : -f 2)

# 14. 移交方不能代为接收；接收方接收，自此负责。-> 403 not_holder -> 200
#     Whoever hands over cannot accept; whoever accepts is responsible from now on.
ask -X POST "$API/cases/$CASE/hand-offs/$NUMBER/acceptance" -H "$POLICE" -H "$JSON" -d '{}'
ask -X POST "$API/cases/$CASE/hand-offs/$NUMBER/acceptance" -H "$CIVIL" -H "$JSON" -d '{}'

# 15. 学校报告线索，凭回执查询进度；个案不予显示，与不存在无异。-> 201 -> 200 -> 404 case_unknown
#     A school reports a lead and asks how far it has come; the case she may not see is one that does not exist.
ask "$API/leads" -H "$SCHOOL" -H "$JSON" -d '{"area": "350102", "category": "school", "urgency": "soon",
  "concerns_minor": true, "seen": "A child whom nobody knows was brought by strangers."}' | tee "$KEPT/lead"
LEAD=$(sed -n 's/.*"lead":"\([^"]*\)".*/\1/p' "$KEPT/lead")
ask "$API/receipts/$LEAD" -H "$SCHOOL"
ask "$API/cases/$CASE" -H "$SCHOOL"

# 16. 公安机关受理线索，关联到这一个案。-> 200
#     The police accept the lead: it belongs to this case.
ask "$API/leads/$LEAD/acceptance" -H "$POLICE" -H "$JSON" -d '{"case": "'"$CASE"'"}'

# 17. 联席会议办公室查看停滞的移交。-> 200
#     The office of the joint conference looks where work stands still.
ask "$API/board/stalled?days=0" -H "$OFFICE"

# 18. 已登记的服务用服务令牌查看本单位的个案。-> 200
#     A registered service looks at the cases of its unit, with its token.
ask "$API/cases" -H 'Authorization: Bearer @service-1@'

# 19. 办理经过。-> 200
#     What happened.
ask "$API/cases/$CASE/timeline" -H "$POLICE"

# 20. 接口说明（在浏览器中打开）。-> 200
#     What there is; open it in the browser.
ask -o /dev/null "$SITE/docs"
"""


def script(ways: list[Way], folder: Path, site: str, language: str) -> str:
    """The calls to try, for the world in this folder, served at this address, answered in this language."""
    place, spoken = shlex.quote(str((folder / KEPT).absolute())), "zh-Hans" if language == "zh" else "en"
    text = _HEAD.replace("@SITE@", site).replace("@KEPT@", place).replace("@LANGUAGE@", spoken) + _CALLS
    for way in ways:
        text = text.replace(f"@{way.person}@", way.secret)
    return text


def write(folder: Path, text: str) -> Path:
    """Put the script into a new world, for its owner alone: it holds what signs people in."""
    shutil.rmtree(folder / KEPT, ignore_errors=True)
    place = folder / NAME
    place.unlink(missing_ok=True)
    place.touch(mode=0o700)
    place.write_text(text, encoding="utf-8")
    return place


def calls(text: str) -> str:
    """The part of a script that is to be read: the calls, without the head."""
    return text[text.index("\n\n#") :].strip("\n")
