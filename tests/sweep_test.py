#!/usr/bin/env python3
"""sweep_test.py PROGRAM: the general sweep as its users meet it: exact cases, going on after a kill, and what it refuses."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
HEAD = 2  # lines of the file before the first measurement


class Sweep(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = pathlib.Path(self.folder.name) / "cells.csv"

    def command(self, *options):
        return [PROGRAM, "--out", self.folder.name, "--format", "text", "--results", str(self.file), *options]

    def run_sweep(self, *options, code=0):
        done = subprocess.run(self.command(*options), capture_output=True, encoding="utf-8")
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr)
        return done

    def rows(self):
        return sorted(self.file.read_text().splitlines()[HEAD:])

    def gradients(self):
        """The list of every row, by wiring and architecture."""
        names = self.file.read_text().splitlines()[1].split(",")
        found = {}
        for row in self.rows():
            fields = dict(zip(names, row.split(",")))
            found.setdefault((fields["architecture"], fields["wiring"]), []).append(
                [float(number) for number in fields["gradients"].split()])
        return found

    # --- numbers

    def test_rezero_hands_the_gradient_on_unchanged(self):
        self.run_sweep("--architecture", "mlp,ffn,transformer,rnn", "--wiring", "rezero", "--norm", "none,batch,pre",
                       "--depth", "6", "--width", "16", "--seeds", "2")
        found = self.gradients()
        self.assertEqual(len(found), 4)
        for lists in found.values():
            for gradients in lists:
                self.assertEqual(set(gradients), {gradients[0]})

    def test_orthogonal_matrices_keep_the_norm(self):
        self.run_sweep("--activation", "linear", "--init", "orthogonal", "--wiring", "plain", "--depth", "50", "--seeds", "2")
        for gradients in self.gradients()[("mlp", "plain")]:
            self.assertLess(max(abs(g - gradients[0]) for g in gradients), 1e-13)

    def test_deepnorm_is_level(self):
        self.run_sweep("--architecture", "transformer", "--wiring", "deepnorm", "--norm", "post", "--depth", "18",
                       "--width", "32", "--seeds", "2")
        found = self.gradients()
        for gradients in found[("transformer", "deepnorm")]:
            self.assertLess(abs(gradients[0] - gradients[-1]), .15)

    def test_the_answer_says_who_helps(self):
        done = self.run_sweep("--activation", "sigmoid", "--depth", "20", "--seeds", "2")
        self.assertRegex(done.stdout, r"answer: mlp, no norm, sigmoid, xavier, depth 20: .*: residual helps, 1\d decades")
        done = self.run_sweep("--activation", "linear", "--init", "orthogonal", "--depth", "20", "--seeds", "2")
        self.assertRegex(done.stdout, r"1 \(plain\) and 10\^3\.\d \(residual\): residual does not help")

    # --- the file

    whole = ("--depth", "40", "--wiring", "plain,residual,highway", "--norm", "none,pre", "--seeds", "6")

    def test_killed_and_gone_on(self):
        for stop in (signal.SIGKILL, signal.SIGINT):
            self.file.unlink(missing_ok=True)
            self.run_sweep(*self.whole)
            complete = self.rows()
            self.assertEqual(len(complete), 36)
            self.file.unlink()
            running = subprocess.Popen(self.command(*self.whole), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while (not self.file.exists() or self.file.read_text().count("\n") < HEAD + 3) and time.monotonic() < deadline:
                time.sleep(.002)
            running.send_signal(stop)
            running.wait()
            if stop == signal.SIGINT and running.returncode != 0:  # 0: it was done already
                self.assertEqual(running.returncode, 130)
            self.run_sweep(*self.whole)
            self.assertEqual(self.rows(), complete)

    def test_a_second_run_measures_nothing(self):
        options = ("--depth", "5", "--seeds", "3")
        self.run_sweep(*options)
        before = self.file.read_bytes()
        done = self.run_sweep(*options)
        self.assertIn("6 of 6 networks were measured before", done.stderr)
        self.assertEqual(self.file.read_bytes(), before)
        done = self.run_sweep(*options, "--fresh")
        self.assertNotIn("measured before", done.stderr)

    def test_what_was_cut_off_is_measured_again(self):
        options = ("--depth", "5", "--seeds", "1", "--wiring", "plain,residual", "--steps", "4")
        self.run_sweep(*options)
        complete = self.rows()
        text = self.file.read_text()
        self.assertEqual(len(complete), 10)
        for cut in (len(text) - 30, len(text) - len(text.splitlines()[-1]) - 1, text.index("\n") + 20, 5):
            self.file.write_text(text[:cut])
            self.run_sweep(*options)
            self.assertEqual(self.rows(), complete)

    def test_training_learns(self):
        done = self.run_sweep("--architecture", "ffn", "--norm", "pre", "--wiring", "plain,residual", "--depth", "4",
                              "--steps", "60", "--rate", "0.003", "--seeds", "2")
        losses = [float(word.split()[0]) for word in done.stdout.split("is ")[-1].split(", ")]
        self.assertLess(losses[1], .5)

    # --- what is refused

    def refused(self, words, *options):
        done = self.run_sweep(*options, code=2)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(words, done.stderr)

    def test_files_that_are_something_else(self):
        for text, words in (("# xgrad sweep, version 0\n", "version 0"), ("a,b\n1,2\n", "begins with 'a,b'")):
            self.file.write_text(text)
            self.refused(words, "--depth", "3")
            self.assertEqual(self.file.read_text(), text)
        self.file.unlink()
        self.run_sweep("--depth", "3", "--seeds", "1")
        text = self.file.read_text()
        self.file.write_text(text + "mlp,plain\n")
        self.refused("line 5: there are 2 fields", "--depth", "3", "--seeds", "1")
        before, comma, after = text.rpartition(",")
        self.file.write_text(before + comma + "x" + after)
        self.refused("is no number", "--depth", "3", "--seeds", "1")

    def test_options(self):
        for words, *options in (
                ("--wiring", "--wiring", "dense"), ("--norm", "--norm", "mid"), ("--activation", "--activation", "sine"),
                ("--init", "--init", "zero"), ("--architecture", "--architecture", "cnn"), ("--depth", "--depth", "0"),
                ("--across", "--across", "width"), ("--draw", "--draw", "pie"), ("--rate", "--rate", "-1"),
                ("needs --steps", "--draw", "training", "--depth", "3"),
                ("needs --norm post", "--wiring", "deepnorm"),
                ("needs --norm post", "--wiring", "plain,deepnorm"),
                ("needs branches of two matrices", "--init", "balanced"),
                ("has no activation", "--architecture", "attention", "--activation", "relu"),
                ("counts layers", "--architecture", "rnn", "--wiring", "deepnorm", "--norm", "post"),
                ("must divide", "--architecture", "transformer", "--heads", "5"),
                ("two samples", "--norm", "batch", "--batch", "1")):
            with self.subTest(options):
                self.refused(words, *options)
                self.assertFalse(self.file.exists())

    def test_combinations_that_make_no_sense_are_left_out_of_a_product(self):
        done = self.run_sweep("--wiring", "residual,deepnorm", "--norm", "none,post", "--depth", "3", "--seeds", "1")
        self.assertIn("left out: deepnorm is", done.stdout)
        self.assertEqual(len(self.rows()), 3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
