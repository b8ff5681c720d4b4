#!/usr/bin/env python3
"""Does tutorials/refresh notice what it should, and only that?"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
PATH = str(pathlib.Path(__file__).resolve().parent.parent / "tutorials" / "refresh")
SPEC = importlib.util.spec_from_loader("refresh", importlib.machinery.SourceFileLoader("refresh", PATH))
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

SOURCE = """\
int main() {
  // [square]
  double y = x * x;
    if (y > 4) y = 4;
  // [/square]
}
"""
PROGRAM = """\
#!/bin/sh
printf '\\n== Loss ==\\nstep 100  loss 0.12345   took 3.2 s\\n\\n== Shapes ==\\n[1, 2] has 68,170 entries\\n'
"""
DOCUMENT = """\
# 01 Start

<!-- code: square -->
```cpp
double y = x * x;
  if (y > 4) y = 4;
```

Text between.

<!-- output: Loss -->
```text
step 100  loss 0.12345   took 3.2 s
```
<!-- output of 01_start --fast: Shapes -->
```text
[1, 2] has 68,170 entries
```
"""


class Project(unittest.TestCase):
    """A project with one chapter in a temporary folder."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        self.chapter = self.root / "tutorials" / "01_start"
        self.chapter.mkdir(parents=True)
        (self.root / "build" / "tutorials").mkdir(parents=True)
        (self.chapter / "main.cpp").write_text(SOURCE)
        self.document = self.chapter / "README.md"
        self.document.write_text(DOCUMENT)
        self.program(PROGRAM)

    def program(self, text):
        path = self.root / "build" / "tutorials" / "01_start"
        path.write_text(text)
        path.chmod(0o755)

    def run_tool(self, *arguments):
        """(exit code, everything it said)"""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = tool.main([*arguments, "--root", str(self.root), "--build", str(self.root / "build")])
        return code, said.getvalue()

    def change(self, old, new):
        text = self.document.read_text()
        self.assertIn(old, text)
        self.document.write_text(text.replace(old, new, 1))

    def assert_complains(self, *words):
        code, said = self.run_tool("--check")
        self.assertEqual(code, 1, said)
        for word in words:
            self.assertIn(word, said)

    def assert_content(self):
        code, said = self.run_tool("--check")
        self.assertEqual(code, 0, said)


class Check(Project):
    def test_in_step(self):
        self.assert_content()

    def test_changed_number(self):
        self.change("0.12345", "0.12745")
        self.assert_complains("tutorials/01_start/README.md:13:", "0.12745", "0.12345", "`01_start` gives")

    def test_number_within_tolerance(self):
        self.change("0.12345", "0.12349")
        self.assert_content()

    def test_whole_numbers_are_exact(self):
        self.change("68,170", "68,171")
        self.assert_complains("README.md:17:")

    def test_tolerance_in_marker(self):
        self.change("0.12345", "0.1274")
        self.change("output: Loss", "output: Loss | relative 0.05")
        self.assert_content()
        self.change("0.1274", "0.1574")
        self.assert_complains("README.md:13:")

    def test_bad_tolerance(self):
        self.change("output: Loss", "output: Loss | about 0.05")
        self.assert_complains("README.md:11:", "no tolerance")

    def test_times_are_passed_over(self):
        self.change("3.2 s", "11 ms")
        self.assert_content()

    def test_changed_word(self):
        self.change("entries\n", "items\n")
        self.assert_complains("README.md:17:", "items", "entries")

    def test_changed_code_in_source(self):
        (self.chapter / "main.cpp").write_text(SOURCE.replace("x * x", "x + x"))
        self.assert_complains("README.md:5: code square", "x * x", "x + x", "main.cpp")

    def test_changed_indentation_in_document(self):
        self.change("  if (y", " if (y")
        self.assert_complains("README.md:6:")

    def test_line_missing_and_line_too_many(self):
        self.change("  if (y > 4) y = 4;\n", "")
        self.assert_complains("nothing more")
        self.change("double y = x * x;\n", "double y = x * x;\n  if (y > 4) y = 4;\nreturn;\n")
        self.assert_complains("README.md:7:", "return;", "nothing more")

    def test_unknown_section_excerpt_program(self):
        self.change("output: Loss", "output: Gain")
        self.change("code: square", "code: cube")
        self.change("of 01_start --fast", "of 02_start")
        self.assert_complains("no section `== Gain ==`", "// [cube]", "no program 02_start", "3 to mend")

    def test_failing_program(self):
        self.program("#!/bin/sh\necho no data >&2\nexit 3\n")
        self.assert_complains("`01_start` ended with code 3: no data")

    def test_misspelt_marker_and_missing_fence(self):
        self.change("<!-- output: Loss", "<!-- output Loss")
        self.assert_complains("README.md:11:", "no marker")
        self.document.write_text("<!-- output: Loss -->\ntext\n")
        self.assert_complains("README.md:1:", "no complete")

    def test_whole_file_and_whole_output(self):
        self.document.write_text(
            "<!-- code: main.cpp -->\n```cpp\n" + SOURCE + "```\n<!-- code: ./main.cpp:square -->\n```cpp\n"
            "double y = x * x;\n  if (y > 4) y = 4;\n```\n<!-- output of 01_start -->\n```text\n== Loss ==\n"
            "step 100 loss 0.12345 took 9 s\n\n== Shapes ==\n[1, 2] has 68,170 entries\n```\n")
        self.assert_content()

    def test_markers_inside_fences_are_text(self):
        self.document.write_text("```text\n<!-- output: Nothing -->\n```\n")
        self.assert_content()

    def test_other_documents_are_found(self):
        (self.root / "README.md").write_text("<!-- output of 01_start: Shapes -->\n```text\nwrong\n```\n")
        self.assert_complains("README.md:3: output of")

    def test_chapter_by_number_and_unknown_chapter(self):
        self.assertEqual(self.run_tool("--check", "1")[0], 0)
        self.assertEqual(self.run_tool("--check", "start")[0], 0)
        code, said = self.run_tool("--check", "02")
        self.assertEqual(code, 2)
        self.assertEqual(len(said.splitlines()), 1)


class Write(Project):
    def test_fills_empty_fences(self):
        empty = "".join(line for line in DOCUMENT.splitlines(True) if line[0] not in "ds [")
        self.document.write_text(empty)
        self.assertEqual(self.run_tool("--write")[0], 0)
        self.assertEqual(self.document.read_text(), DOCUMENT)

    def test_leaves_alone_what_differs_in_time_only(self):
        self.change("3.2 s", "11 ms")
        before = self.document.read_text()
        self.run_tool("--write")
        self.assertEqual(self.document.read_text(), before)

    def test_renews_what_the_check_would_still_accept(self):
        self.change("0.12345", "0.12349")
        self.run_tool("--write")
        self.assertEqual(self.document.read_text(), DOCUMENT)


class Lines(unittest.TestCase):
    def same(self, a, b):
        return tool.same_line(a, b, tool.DEFAULT_TOLERANCE)

    def test_same(self):
        for a, b in [("x = 1.0000", "x = 1.0001"), ("d = 1e-16", "d = -3.2e-17"), ("[ 1, 2]", "[1,  2]"),
                     ("310 images/s", "295.5 images/s"), ("nan", "-nan"), ("v7 = a(v3)  (3, 4)", "v7 = a(v3) (3, 4)"),
                     ("1 x", "0.9999999999 x")]:
            self.assertTrue(self.same(a, b), (a, b))

    def test_different(self):
        for a, b in [("x = 1.0000", "x = 1.002"), ("v7 = add(v3)", "v7 = add(v4)"), ("(3, 4)", "(3, 5)"),
                     ("x = 2.5", "x = -2.5"), ("1e-5", "1e-6"), ("loss 3 ✓", "loss 3 ✗"), ("nan", "1"),
                     ("1.5 sheep", "2.5 sheep"), ("L2 = 3.5", "L1 = 3.5"), ("-0.5", "0.5"), ("inf", "-inf")]:
            self.assertFalse(self.same(a, b), (a, b))


if __name__ == "__main__":
    unittest.main()
