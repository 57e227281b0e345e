#!/usr/bin/env python3
"""Limen's manual pages, from what the program says of itself.

  limen --experimental-dump-help | Scripts/package/manual.py FOLDER YYYY-MM-DD

writes limen.1 and limen-VERB.1 for every verb. The layout is that of man(7).
"""
import json
import pathlib
import re
import sys

# What a line of roff would take for a request, an escape or another hyphen.
ESCAPES = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}


def escaped(text):
    text = "".join(ESCAPES.get(character, character) for character in text)
    return "\\&" + text if text.startswith((".", "\\(aq")) else text


def body(text):
    """Paragraphs, examples and headings: a line of capitals is a heading, what is indented stays as it is."""
    lines, literal = [], False
    for line in (text or "").rstrip().split("\n"):
        is_literal = line.startswith("  ") or re.match(r"[0-9]+ +\S", line) is not None
        if is_literal != literal:
            lines.append(".EX" if is_literal else ".EE")
            literal = is_literal
        if literal:
            lines.append(escaped(line))
        elif not line.strip():
            lines.append(".PP")
        elif re.fullmatch(r"[A-Z][A-Z ]+", line.strip()):
            if lines and lines[-1] == ".PP":
                lines.pop()
            lines.append(".SH " + line.strip())
        else:
            lines.append(escaped(line.strip()))
    if literal:
        lines.append(".EE")
    return lines


def spelled(name):
    return ("\\-" if name["kind"] == "short" else "\\-\\-") + escaped(name["name"])


def option(argument):
    value = "" if argument["kind"] == "flag" else " \\fI" + escaped(argument["valueName"]) + "\\fR"
    if argument["kind"] == "positional":
        head = "\\fI" + escaped(argument["valueName"]) + "\\fR"
    else:
        head = ", ".join("\\fB" + spelled(name) + "\\fR" for name in argument["names"]) + value
    text = argument.get("abstract", "")
    if argument.get("defaultValue"):
        text += f" (default: {argument['defaultValue']})"
    if argument.get("allValues"):
        text += f" (values: {', '.join(argument['allValues'])})"
    return [".TP", head, escaped(text or " ")]


def synopsis(name, arguments):
    parts = ["\\fB" + escaped(name) + "\\fR"]
    if any(argument["kind"] != "positional" for argument in arguments):
        parts.append("[\\fIoptions\\fR]")
    for argument in arguments:
        if argument["kind"] != "positional":
            continue
        word = "\\fI" + escaped(argument["valueName"]) + "\\fR" + (" ..." if argument["isRepeating"] else "")
        parts.append("[" + word + "]" if argument["isOptional"] else word)
    return " ".join(parts)


def page(command, above, date):
    name = " ".join(above + [command["commandName"]])
    title = name.replace(" ", "-")
    arguments = [one for one in command.get("arguments", []) if one["shouldDisplay"]]
    verbs = [one for one in command.get("subcommands", []) if one["shouldDisplay"] and one["commandName"] != "help"]
    abstract = command["abstract"].rstrip(".")
    lines = [
        f'.TH {title.upper()} 1 {date} Limen "Limen"',
        ".SH NAME", f"{escaped(title)} \\- {escaped(abstract[:1].lower() + abstract[1:])}",
        ".SH SYNOPSIS", "\\fB" + escaped(name) + "\\fR \\fIverb\\fR ..." if verbs else synopsis(name, arguments),
        ".SH DESCRIPTION"] + body(command.get("discussion") or command["abstract"])
    if verbs:
        lines.append(".SH VERBS")
        for verb in verbs:
            lines += [".TP", f"\\fB{escaped(verb['commandName'])}\\fR", escaped(verb["abstract"])]
    for heading, kinds in (("ARGUMENTS", ("positional",)), ("OPTIONS", ("option", "flag"))):
        chosen = [one for one in arguments if one["kind"] in kinds]
        if chosen:
            lines.append(".SH " + heading)
            for argument in chosen:
                lines += option(argument)
    others = [f"{title}\\-{verb['commandName']}" for verb in verbs] if verbs else ["limen"]
    ends = [","] * (len(others) - 1) + [""]
    lines += [".SH SEE ALSO"] + [f".BR {other} (1){end}" for other, end in zip(others, ends)]
    return title, "\n".join(lines) + "\n", verbs


def main():
    folder, date = pathlib.Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [(json.load(sys.stdin)["command"], [])]
    while waiting:
        command, above = waiting.pop()
        title, text, verbs = page(command, above, date)
        (folder / f"{title}.1").write_text(text)
        waiting += [(verb, above + [command["commandName"]]) for verb in verbs]


main()
