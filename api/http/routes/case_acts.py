"""``/api/v1/cases/{case}``: every command about one case. Each row is one command of the engine at its address."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.routes.commanded import Act, add_acts
from engine.core import commands as cmd

router = APIRouter(prefix="/cases", tags=["cases"])

ACTS = (
    Act(
        cmd.OpenTrack, "/tracks", "Open a track on request",
        "提请开启一条办理线（如法律援助，任何阶段均可）。",
        "Opens a track on request, such as legal aid, from any stage; another unit's waits until it is accepted.",
        {"track": "aid", "to_unit": "justice", "facts": {}, "documents": []}, status=201,
    ),
    Act(
        cmd.Move, "/tracks/{track}/moves", "Make a move",
        "办理一个动作。进入由其他职能负责的环节时，只提出移交，待对方接收后才移动。",
        "Makes a move. Into a step of another function it offers a hand-off, and nothing moves until that is accepted.",
        {"move": "place", "to_unit": "civil-a", "facts": {"search.result": "not_found"}, "documents": ["report"]},
    ),
    Act(
        cmd.Offer, "/tracks/{track}/offers", "Offer a track to another unit",
        "将所在环节移交同职能的其他单位，或将待接收的办理线再次提出。",
        "Offers the step a track stands at to another unit of the same function, or a waiting track again.",
        {"to_unit": "police-b", "reason": "moved to county B"},
    ),
    Act(
        cmd.Refer, "/tracks/{track}/referrals", "Bring another unit in",
        "转介其他单位参与；责任不变。",
        "Brings another unit in; responsibility stays where it is.",
        {"to_unit": "health", "reason": "medical examination"}, without=("ends",),
    ),
    Act(
        cmd.Refer, "/tracks/{track}/referrals/{number}/end", "End a referral",
        "结束一项转介；编号见个案的 referrals。",
        "Ends a referral; its number stands in the referrals of the case.",
        numbered="ends", without=("to_unit", "reason"), name="end_referral",
    ),
    Act(
        cmd.Assign, "/tracks/{track}/assignment", "Assign a track to a person",
        "将办理线指派给本单位的承办人。",
        "Gives a track to a person inside the unit that holds it.",
        {"person": "officer-12"}, method="PUT",
    ),
    Act(
        cmd.Contribute, "/tracks/{track}/contributions", "Add facts, papers or a note",
        "补充登记内容、材料或说明，不移动办理线；会同、配合单位也可办理。",
        "Adds facts, papers or a note to a track without moving it; joint and cooperating units may.",
        {"facts": {"search.result": "found"}, "documents": ["report"], "note": ""},
    ),
    Act(
        cmd.Reverse, "/tracks/{track}/reversal", "Reverse the last move or acceptance",
        "撤销一条办理线上误办的最后一个动作或接收；记录不删除。",
        "Undoes the last move or acceptance of a track by a reversing event; what rested on it elsewhere is flagged.",
        {"reason": "entered in the wrong case"},
    ),
    Act(
        cmd.DeclineTrack, "/tracks/{track}/refusal", "Record that the victim declines a track",
        "受害人谢绝该项办理。",
        "Records that the victim does not want what a track offers.",
        {"reason": "does not wish legal aid"},
    ),
    Act(
        cmd.OfferTransfer, "/transfers", "Offer the whole case to another jurisdiction",
        "全案移交其他地区的单位；对方接收后在当地立接续个案。",
        "Offers the whole case to a unit of another jurisdiction; acceptance opens a linked successor case there.",
        {"area": "450000", "to_unit": "guangxi-police", "reason": "returns home"},
    ),
    Act(
        cmd.Relocate, "/relocation", "Say that the victim lives in another area",
        "受害人现居同一法域内的另一地区；此后据该地区确定单位。",
        "Says that the victim now lives in another area of the same jurisdiction; units are looked for from there on.",
        {"area": "900102", "reason": "moved to relatives"},
    ),
    Act(
        cmd.RecordConsent, "/consents", "Record a consent",
        "登记受害人或其代言人同意、不同意或撤回。",
        "Records what the victim, or who speaks for her or him, agreed to, refused or withdrew.",
        {"consent": "return", "given": True, "spoken_by": "victim"},
    ),
    Act(
        cmd.SettleDuty, "/duties/{duty}", "Settle a duty",
        "办结一项职责：已完成、受害人谢绝，或不适用（须说明理由）。",
        "Settles a duty: done, declined by the victim, or not applicable with a reason.",
        {"outcome": "done", "evidence": ["report"], "reason": "", "period": ""},
    ),
    Act(
        cmd.Correct, "/corrections", "Correct a fact",
        "更正登记有误的内容，须说明理由；据其办理的动作将待复核。",
        "Supersedes a wrong fact, with a reason; moves that rested on it are flagged for review.",
        {"fact": "search.result", "value": "found", "reason": "misread the reply"},
    ),
    Act(
        cmd.ReviewFlag, "/flags/{event}/review", "Review a flagged event",
        "复核待复核的动作，认定维持。",
        "Says that a flagged move was looked at again and stands.",
        {"reason": "still holds with the corrected date"},
    ),
    Act(
        cmd.LinkCriminalCase, "/criminal-case", "Link the criminal case",
        "将受害人个案关联到所属刑事案件记录。",
        "Points a victim's case to the criminal case it belongs to.",
        {"criminal_case": "GT-2M8P-4TQX-11AB"},
    ),
    Act(
        cmd.Close, "/closing", "Close a case",
        "按流程规定的方式结案；尚有事项未了时不予结案，并列出全部事项。",
        "Ends a record in one of the ways its definition knows; refused with everything that still holds it.",
        {"outcome": "archive", "reason": ""},
    ),
    Act(
        cmd.Reopen, "/reopening", "Reopen a closed case",
        "将已结个案在一条办理线上重新办理。",
        "Takes a closed record up again, on one of its tracks.",
        {"track": "rescue", "reason": "found again"},
    ),
)  # fmt: skip

add_acts(router, ACTS)
