#!/usr/bin/env python3
"""Does plots/report fill pages and compare them as it says? With results of our own making."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
PATH = str(pathlib.Path(__file__).resolve().parent.parent / "plots" / "report")
SPEC = importlib.util.spec_from_loader("report", importlib.machinery.SourceFileLoader("report", PATH))
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

PAGE = "# Title\n\n<!-- verdicts of rank-collapse -->\n```text\n(plots/report fills this)\n```\n\nThe rest.\n"


def verdict(what, measured, predicted, passed=True, tolerance="±0.03"):
    return {"what": what, "pass": passed, "measured": measured, "predicted": predicted, "tolerance": tolerance, "source": "s"}


def run(*verdicts, name="rank-collapse", quick=False, seconds=12.3):
    return {"experiment": name, "claim": "Attention loses rank", "source": "Dong 2021", "command": name, "first_seed": 1,
            "quick": quick, "seconds": seconds, "verdicts": list(verdicts)}


class Report(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        self.folder = self.root / "plots" / "rank_collapse"
        for folder in (self.folder, self.root / "one", self.root / "two"):
            folder.mkdir(parents=True)
        (self.folder / "main.cpp").touch()
        self.page = self.folder / "README.md"
        self.page.write_text(PAGE)
        self.results("one", run(verdict("acceptance: exponent", 3.001, 3), verdict("oracle: at 12", .83, .84),
                                verdict("depth", "-inf", -12, False)))
        self.results("two", run(verdict("acceptance: exponent", 2.99, 3)))

    def results(self, folder, *runs):
        for each in runs:
            (self.root / folder / (each["experiment"] + ".json")).write_text(json.dumps(each))

    def report(self, *options, code=0):
        out, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            got = tool.main(["--root", str(self.root), str(self.root / "one"), str(self.root / "two"), *options])
        self.assertEqual(got, code, out.getvalue() + error.getvalue())
        return out.getvalue() + error.getvalue()

    def test_the_block_is_filled_and_the_rest_stays(self):
        self.report()
        self.assertEqual(self.page.read_text(), PAGE.replace(
            "(plots/report fills this)",
            "PASS  acceptance: exponent  measured 3.001  predicted 3  tolerance ±0.03\n"
            "PASS  oracle: at 12  measured 0.83  predicted 0.84  tolerance ±0.03\n"
            "OUTSIDE  depth  measured -inf  predicted -12  tolerance ±0.03"))
        self.report()
        self.assertEqual(self.page.read_text().count("PASS"), 2)

    def test_the_table(self):
        self.report()
        self.assertIn("| [rank-collapse](rank_collapse/README.md) | Attention loses rank. Dong 2021 "
                      "| PASS: acceptance: exponent: 3.001, predicted 3 | 2 of 3 pass "
                      "| 1 of 1 pass; PASS: acceptance: exponent: 2.99 | 1 of 1 agree; at 12: 0.83 beside 0.84 | 12 s |",
                      (self.root / "plots" / "README.md").read_text())

    def test_rows_of_experiments_that_were_not_run_stay(self):
        self.report()
        (self.root / "one" / "rank-collapse.json").unlink()
        (self.root / "plots" / "a_b").mkdir()
        (self.root / "plots" / "a_b" / "main.cpp").touch()
        (self.root / "plots" / "a_b" / "README.md").write_text(PAGE.replace("rank-collapse", "a-b"))
        self.results("one", run(verdict("x", 1, 1), name="a-b"))
        self.report()
        rows = [tool.name_of(line) for line in (self.root / "plots" / "README.md").read_text().splitlines()]
        self.assertEqual([name for name in rows if name], ["a-b", "rank-collapse"])

    def test_check(self):
        self.report("--check", code=1)
        self.report()
        self.report("--check")
        text = self.page.read_text()
        for old, new, code in (("3.001", "3.5", 0), ("3.001", "4.5", 1), ("PASS  oracle", "OUTSIDE  oracle", 1),
                               ("at 12", "at 13", 1), ("0.83 ", "0.87 ", 0), ("exponent", "power", 1)):
            self.page.write_text(text.replace(old, new, 1))
            self.report("--check", code=code)
        self.page.write_text(text)
        table = self.root / "plots" / "README.md"
        table.write_text(table.read_text().replace("12 s |", "99 s |"))
        self.report("--check")  # times may differ
        table.write_text(table.read_text().replace("2 of 3 pass", "3 of 3 pass"))
        self.report("--check", code=1)

    def test_what_is_missing_is_said(self):
        self.page.write_text("# No block\n")
        self.assertIn("plots/rank_collapse/README.md: no block <!-- verdicts of rank-collapse -->", self.report(code=1))
        self.page.unlink()
        self.assertIn("plots/rank_collapse/README.md is missing", self.report(code=1))
        (self.root / "plots" / "other").mkdir()
        (self.root / "plots" / "other" / "main.cpp").touch()
        self.assertIn("no row for other", self.report(code=1))

    def test_results_that_cannot_be_used(self):
        self.results("one", run(quick=True))
        self.assertIn("is of the run 'rank-collapse'", self.report(code=2))
        (self.root / "one" / "rank-collapse.json").write_text("{")
        self.assertIn("no JSON", self.report(code=2))
        (self.root / "one" / "rank-collapse.json").unlink()
        self.assertIn("no results in", self.report(code=2))


if __name__ == "__main__":
    unittest.main()
