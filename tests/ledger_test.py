#!/usr/bin/env python3
"""Is the ledger of claims complete, and does plots/ledger join and compare as it says?"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_loader(
    "ledger", importlib.machinery.SourceFileLoader("ledger", str(ROOT / "plots" / "ledger")))
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

BLOCK = ("# Page\n\n<!-- verdicts of gradient-flow -->\n```text\n"
         "PASS  acceptance: E1 (a) plain: log₁₀ R  measured -25.3  predicted -26  tolerance < -6\n"
         "OUTSIDE  acceptance: E1 (c) residual: log₁₀ R  measured 4  predicted 14  tolerance > 6\n```\n")
SYSTEMS = ("| | expected | measured | verdict |\n"
           "| **E10** adding | text | ✓ \\|dx\\|, plain: 2.2e-05 (1e-05 to 5e-05); below 0.1, 5 seeds<br>✓ it falls "
           "| passed |  | [04](04_residual/README.md) |\n")


class Complete(unittest.TestCase):
    """The ledger of this project."""

    def setUp(self):
        self.ledger = json.loads((ROOT / "plots" / "claims.json").read_text(encoding="utf-8"))
        self.claims = [claim for section in self.ledger["sections"] for claim in section["claims"]]

    def test_every_claim_is_there_once_with_verdict_and_reason(self):
        self.assertEqual(tool.check_ledger(self.ledger, ROOT), [])
        self.assertEqual(len(self.claims), 156)

    def test_what_is_not_untestable_has_an_experiment_or_a_chapter_or_is_about_literature(self):
        literature = {f"C{i}" for i in [*range(131, 137), *range(143, 155), 94, 95, 101]}
        for claim in self.claims:
            if claim["verdict"] != "UNTESTABLE" and claim["id"] not in literature:
                self.assertTrue(claim["experiments"] or claim.get("see"), claim["id"])

    def test_every_experiment_of_a_claim_is_used(self):
        used = {e for claim in self.claims for e in claim["experiments"]}
        self.assertEqual(set(tool.EXPERIMENTS) - used, set())

    def test_the_page_is_in_step(self):
        text, _ = tool.page(self.ledger, tool.from_pages(ROOT) + tool.from_systems(ROOT))
        self.assertEqual((ROOT / "plots" / "CLAIMS.md").read_text(encoding="utf-8"), text, "plots/ledger --write")


@mock.patch.object(tool, "CLAIMS", ["C1", "C2"])
@mock.patch.object(tool, "EXPERIMENTS", ["E1", "E10"])
class Ledger(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        for folder in ("plots/gradient_flow", "tutorials/04_residual"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "plots/gradient_flow/README.md").write_text(BLOCK)
        (self.root / "tutorials/SYSTEMS.md").write_text(SYSTEMS)
        self.claims = [
            {"id": "C1", "claim": "skips relieve vanishing", "where": "D0 §1", "verdict": "TRUE", "reason": "I + J",
             "experiments": ["E1"], "show": [["E1", "(c)"]], "see": ["tutorials/04_residual"]},
            {"id": "C2", "claim": "add | join", "where": "D1", "verdict": "FALSE", "reason": "it adds", "experiments": ["E10"]}]

    def run_tool(self, task, code):
        ledger = {"experiments": {"E1": "gradients", "E10": "adding"}, "sections": [{"title": "One", "claims": self.claims}]}
        (self.root / "plots/claims.json").write_text(json.dumps(ledger))
        error = io.StringIO()
        with contextlib.redirect_stderr(error):
            self.assertEqual(tool.main(["--root", str(self.root), task]), code, error.getvalue())
        return error.getvalue()

    def page(self):
        return (self.root / "plots/CLAIMS.md").read_text()

    def test_rows(self):
        self.run_tool("--write", 0)
        self.assertIn("| C1 | skips relieve vanishing | D0 §1 | true | I + J | E1: OUTSIDE its tolerance: (c) residual: log₁₀ R: 4"
                      "<br>shown in [tutorials/04_residual](../tutorials/04_residual/README.md) "
                      "| `plots/run gradient-flow`<br>`tutorials/run 04` |", self.page())
        self.assertIn("| C2 | add \\| join | D1 | not so | it adds | E10: \\|dx\\|, plain: 2.2e-05 (1e-05 to 5e-05) "
                      "| `tutorials/run 04` |", self.page())
        self.assertIn("Here are 2 statements", self.page())
        self.assertIn("1 true, 0 partly, 1 not so", self.page())
        self.assertIn("| **E1** | gradients | (a) plain: log₁₀ R: -25.3 | 2 | [gradient-flow](gradient_flow/README.md) "
                      "| `plots/run gradient-flow` |", self.page())

    def test_in_step_or_not(self):
        self.run_tool("--write", 0)
        self.run_tool("--check", 0)
        (self.root / "plots/gradient_flow/README.md").write_text(BLOCK.replace("-25.3", "-20.1"))
        self.assertIn("not in step", self.run_tool("--check", 1))

    def test_what_is_not_measured(self):
        (self.root / "tutorials/SYSTEMS.md").write_text("")
        said = self.run_tool("--write", 1)
        self.assertIn("C2: nothing measured in E10", said)
        self.assertIn("E10 has no measured result", said)
        self.assertIn("E10: not measured yet", self.page())
        self.claims[0]["show"] = [["E1", "(z)"]]
        self.assertIn("C1: nothing measured in E1 is called '(z)'", self.run_tool("--write", 1))

    def test_mistakes_in_the_list(self):
        for key, value, words in (("verdict", "MAYBE", "no verdict is called MAYBE"), ("reason", " ", "C2 has no reason"),
                                  ("experiments", ["E99"], "no experiment E99"), ("see", ["tutorials/99_no"], "no tutorials/99_no"),
                                  ("id", "C1", "C1 is there twice"), ("id", "C9", "C9 is no claim of the list")):
            with self.subTest(words), mock.patch.dict(self.claims[1], {key: value}):
                self.assertIn(words, self.run_tool("--write", 1))
        self.claims.pop()
        self.assertIn("C2 is missing", self.run_tool("--check", 1))


if __name__ == "__main__":
    unittest.main()
