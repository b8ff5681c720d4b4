#!/usr/bin/env python3
"""Does tutorials/systems join, judge and compare rows as it says? With chapters of our own making."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
PATH = str(pathlib.Path(__file__).resolve().parent.parent / "tutorials" / "systems")
SPEC = importlib.util.spec_from_loader("systems", importlib.machinery.SourceFileLoader("systems", PATH))
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)


def result(what="accuracy", mean=0.97, met=True, needs="", rule="at least 0.95"):
    return {"what": what, "mean": f"{mean:.4g}", "min": f"{mean - .01:.4g}", "max": f"{mean + .01:.4g}", "seeds": 3,
            "rule": rule, "met": met, "needs": needs}


def system(id, *results, literal="784 + 128 columns are refused", repaired="a stem"):
    return {"id": id, "literal": literal, "repaired": repaired, "results": list(results)}


def experiment(id, *results, criterion="more than chance", prototype=""):
    return {"id": id, "criterion": criterion, "prototype": prototype, "results": list(results)}


@mock.patch.dict(tool.SYSTEMS, {"S1": "first", "S2": "second"}, clear=True)
@mock.patch.dict(tool.EXPERIMENTS, {"E12": "adaptive"}, clear=True)
class Systems(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        self.page = self.root / "tutorials" / "SYSTEMS.md"
        (self.root / "build" / "tutorials").mkdir(parents=True)
        environment = mock.patch.dict(os.environ)
        environment.start()
        self.addCleanup(environment.stop)
        os.environ.pop("XGRAD_MNIST", None)
        self.chapter("01_a", system("S1", result()), experiment("E12", result("adaptive")))
        self.chapter("02_b", system("S2", result("error", .1)), system("S1", result("loss", 2.5)))

    def chapter(self, name, *rows, code=0, reports=True, with_mnist="", extra=""):
        folder = self.root / "tutorials" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.cpp").write_text('#include "systems.hpp"\n' * reports + "XGRAD_MNIST" * bool(with_mnist))
        program = self.root / "build" / "tutorials" / name
        lines = "\n".join(json.dumps(row) for row in rows)
        program.write_text(f"#!/bin/sh\nprint() {{ cat >> \"$XGRAD_SYSTEMS\"; }}\nprint <<'END'\n{lines}\nEND\n"
                           f"if [ -n \"$XGRAD_MNIST\" ]; then print <<'END'\n{with_mnist}\nEND\nfi\n{extra}\nexit {code}\n")
        program.chmod(0o755)

    def run_tool(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = tool.main([*arguments, "--root", str(self.root), "--build", str(self.root / "build")])
        return code, out.getvalue() + err.getvalue()

    def test_joins_the_rows_of_one_id(self):
        code, said = self.run_tool("--write")
        self.assertEqual((code, said.count("3 of 3 rows passed")), (0, 1), said)
        row = next(line for line in self.page.read_text().splitlines() if "**S1**" in line)
        self.assertIn("✓ accuracy: 0.97 (0.96 to 0.98); at least 0.95, 3 seeds<br>✓ loss: 2.5 (2.49 to 2.51)", row)
        self.assertEqual(row.count("784 + 128"), 1)
        self.assertIn("[01](01_a/README.md)<br>[02](02_b/README.md)", row)

    def test_missing_row(self):
        self.chapter("01_a", system("S1", result()))
        code, said = self.run_tool()
        self.assertEqual((code, "missing: E12" in said), (1, True), said)

    def test_row_without_results(self):
        self.chapter("01_a", system("S1", result()), experiment("E12"))
        code, said = self.run_tool()
        self.assertEqual((code, "missing: E12" in said), (1, True), said)

    def test_failed_verdict(self):
        self.chapter("02_b", system("S2", result("error", .1)), system("S1", result("loss", 2.5, met=False)))
        code, said = self.run_tool()
        self.assertEqual((code, "failed: S1" in said, "✗ loss" in said), (1, True, True), said)

    def test_chapter_that_ends_with_an_error(self):
        self.chapter("02_b", system("S2", result()), code=1, extra="echo 'three is 4   ✗'")
        code, said = self.run_tool()
        self.assertEqual((code, "02_b ended with code 1" in said, "three is 4" in said), (1, True, True), said)

    def test_unknown_id_and_wrong_kind(self):
        self.chapter("02_b", system("S2", result()), system("S77", result()), system("E12", result()))
        code, said = self.run_tool()
        self.assertEqual((code, "reports S77" in said, "wrong kind" in said), (1, True, True), said)

    def test_only_reporting_chapters_run(self):
        self.chapter("03_c", system("S1", result("extra")), reports=False)
        self.assertNotIn("03_c", self.run_tool()[1])
        self.assertIn("extra", self.run_tool("3")[1])

    def test_named_chapters(self):
        code, said = self.run_tool("01")
        self.assertEqual((code, "2 of 2 rows passed" in said), (0, True), said)
        self.assertEqual(self.run_tool("99")[0], 2)

    def test_check(self):
        self.assertEqual(self.run_tool("--check")[0], 1)  # there is no page yet
        self.run_tool("--write")
        self.assertEqual(self.run_tool("--check"), (0, mock.ANY))
        good = self.page.read_text()
        self.page.write_text(good.replace("0.97 (0.96", "0.93 (0.96"))
        self.assertEqual(self.run_tool("--check")[0], 0)  # within the tolerance
        for a, b in [("2.5 (2.49", "4.5 (2.49"), ("3 seeds", "5 seeds"), ("a stem", "a stern"), ("✓ loss", "✗ loss"),
                     ("at least", "above"), ("passed", "failed"), ("| **S2**", "| **S9**"), ("second", "2nd"),
                     ("[02]", "[03]")]:
            self.assertIn(a, good)
            self.page.write_text(good.replace(a, b, 1))
            code, said = self.run_tool("--check")
            self.assertEqual((code, "SYSTEMS.md, line" in said), (1, True), f"{a} -> {b}: {said}")

    def test_exact_results_have_no_tolerance(self):
        self.chapter("02_b", system("S2", {"what": "parameters", "mean": "18049", "min": "18049", "max": "18049", "seeds": 1,
                                      "rule": "exactly 18049", "met": True, "needs": ""}))
        self.run_tool("--write")
        good = self.page.read_text()
        self.assertIn("parameters: 18049; exactly", good)
        self.page.write_text(good.replace("parameters: 18049", "parameters: 18048"))
        self.assertEqual(self.run_tool("--check")[0], 1)

    def test_results_that_need_data(self):
        rows = [system("S2", result("error", .1)), system("S1", result("loss", 2.5))]
        mnist = result("read", .96, needs="XGRAD_MNIST")
        self.chapter("02_b", *rows, with_mnist=json.dumps(system("S1", mnist)))
        os.environ["XGRAD_MNIST"] = str(self.root)
        self.assertEqual(self.run_tool("--write")[0], 0)
        self.assertIn("✓ read (with XGRAD_MNIST): 0.96", self.page.read_text())
        self.assertEqual(self.page.read_text().count("✓ loss"), 1)
        self.assertEqual(self.run_tool("--check")[0], 0)
        self.chapter("02_b", *rows)
        self.assertEqual(self.run_tool("--check")[0], 1)  # the data are there, the result is not
        del os.environ["XGRAD_MNIST"]
        self.assertEqual(self.run_tool("--check")[0], 0)
        self.assertEqual(self.run_tool("--write")[0], 2)  # it would lose them

    def test_quick_is_not_passed_on(self):
        self.chapter("01_a", system("S1", result()), experiment("E12", result()), extra='[ -z "$XGRAD_QUICK" ] || exit 3')
        os.environ["XGRAD_QUICK"] = "1"
        self.assertEqual(self.run_tool()[0], 0)


if __name__ == "__main__":
    unittest.main()
