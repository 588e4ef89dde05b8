"""The error page of the command line: one error, all its reasons, each with its clause and where it comes from."""

from __future__ import annotations

from api.speech import Speech
from engine.errors import GuituError, Reason
from engine.service.definitions import findings_of
from engine.service.installation import plain_details

UNEXPECTED = 70
"""Exit code of an error nobody foresaw (EX_SOFTWARE)."""


def tell(speech: Speech, error: GuituError) -> int:
    """Say what is wrong, and return the exit code."""
    if speech.as_json:
        speech.give(as_json(speech, error))
        return error.exit_code
    findings = findings_of(error, speech.language)
    speech.complain(f"{error.code}: {headline(speech, error)}")
    for line in (*reason_lines(speech, error.reasons), *findings):
        speech.complain(line, style="")
    return error.exit_code


def tell_unexpected(speech: Speech, error: Exception) -> int:
    """Say that something went wrong that nobody foresaw: the kind of error, never a value."""
    kind = type(error).__name__
    zh, en = f"程序内部错误（{kind}），未完成", f"internal error ({kind}); the command was not completed"
    if speech.as_json:
        speech.give({"code": "internal_error", "message": speech.pick(zh, en), "reasons": [], "details": {}})
    else:
        speech.complain(f"internal_error: {speech.pick(zh, en)}")
    return UNEXPECTED


def headline(speech: Speech, error: GuituError) -> str:
    """What is wrong, without the reasons that follow line by line."""
    if error.reasons:
        count = len(error.reasons)
        return speech.pick(f"前置条件未满足（{count} 项）", f"conditions not met ({count})")
    return speech.pick(error.zh, error.en)


def reason_lines(speech: Speech, reasons: tuple[Reason, ...], indent: str = "  ") -> list[str]:
    """One line for each reason: what, by which clause, and whether it is printed, read or a local setting."""
    return [
        f"{indent}- {speech.label(reason)} {speech.source(reason.clauses, reason.provenance)}"
        f"{_local_figures(speech, reason)}  ({reason.code})"
        for reason in reasons
    ]


def _local_figures(speech: Speech, reason: Reason) -> str:
    """The local settings a reason was judged with: a figure that the clause leaves open is never the clause's own."""
    settings = {name: value for name, value in reason.judged.items() if name.startswith("parameter:")}
    if not settings:
        return ""
    listed = ", ".join(f"{name.removeprefix('parameter:')} = {value}" for name, value in settings.items())
    return f" [{speech.provenance('deployer')}: {listed}]"


def as_json(speech: Speech, error: GuituError) -> dict[str, object]:
    """The same, for programs."""
    return {
        "code": error.code,
        "message": speech.pick(error.zh, error.en),
        "exit_code": error.exit_code,
        "reasons": [
            {
                "code": reason.code, "message": speech.label(reason), "clauses": list(reason.clauses),
                "provenance": reason.provenance, "provenance_label": speech.provenance(reason.provenance),
                "judged": reason.judged,
            }
            for reason in error.reasons
        ],
        "findings": findings_of(error, speech.language),
        "details": plain_details(error.details),
    }  # fmt: skip
