#!/usr/bin/env python3
"""Does tests/benchmarks/publish.py fill README's table and draw the picture? With measurements of our own making."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "benchmarks"))
import publish

PAGE = "# Title\n\n<!-- speed -->\nold\n<!-- /speed -->\n\nThe rest.\n"
CSV = """# 2030-01-02, Some CPU, 2 processors
# xgrad abc with c++ 12.2; PyTorch 1.13
workload,ours_min_ms,pytorch_min_ms,ratio,target,threads,kernels
a,0.25,0.5,2,1.4,1,auto
a,0.2,0.5,2.5,1.7,2,auto
c64,12.345,6.1725,0.5,1.7,1,auto
d,,,,1.35,1,auto
a,0.1,0.9,9,1.4,1,Haswell
"""


class Publish(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        (self.root / "tests" / "benchmarks").mkdir(parents=True)
        self.csv, self.page = self.root / "speed.csv", self.root / "README.md"
        self.csv.write_text(CSV)
        self.page.write_text(PAGE)

    def publish(self):
        with contextlib.redirect_stdout(io.StringIO()):
            publish.publish(self.csv, self.root)
        return self.page.read_text()

    def test_table_and_picture(self):
        text = self.publish()
        self.assertTrue(text.startswith("# Title\n\n<!-- speed -->\n![") and text.endswith("<!-- /speed -->\n\nThe rest.\n"))
        self.assertNotIn("old", text)
        self.assertIn("2030-01-02, Some CPU, 2 processors; xgrad abc with c++ 12.2; PyTorch 1.13.", text)
        self.assertIn("| | xgrad, ms | PyTorch, ms | ratio | target | ratio on 2 threads |", text)
        self.assertIn("| MLP 784-128-128-10, batch 64 | 0.250 | 0.500 | 2.00 | 1.4 | 2.50 |", text)
        self.assertIn("d = 64, 32 tokens, batch 16 | 12.3 | 6.17 | 0.50 | 1.7 |  |", text)
        self.assertNotIn("GPT", text)  # not measured
        self.assertNotIn("9.00", text)  # other kernels
        picture = (self.root / "tests" / "benchmarks" / "speed.svg").read_text()
        for word in ("encoder, d = 64", "2030-01-02, Some CPU", "PyTorch 1.13", "target", "2 threads, kernels auto"):
            self.assertIn(word, picture)
        self.assertNotIn("Haswell", picture)
        self.assertEqual(self.publish(), text)  # again: the same

    def test_what_cannot_be_published(self):
        self.page.write_text("no place\n")
        with self.assertRaisesRegex(SystemExit, "needs <!-- speed -->"):
            self.publish()
        self.csv.write_text(CSV.replace(",auto", ",Haswell"))
        with self.assertRaisesRegex(SystemExit, "no measurement on one thread"):
            self.publish()


if __name__ == "__main__":
    unittest.main()
