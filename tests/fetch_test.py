#!/usr/bin/env python3
"""datasets/fetch against a server of our own: whole files, broken connections, wrong sums, missing files."""

import hashlib
import http.server
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FETCH = str(ROOT / "datasets" / "fetch")
CONTENT = random.Random(1).randbytes(300_000)
SUM = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT for every path but /missing; notes where each request began."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cut, self.ranges, self.delay, self.begins = CONTENT, None, True, 0, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # curl may hang up when it likes

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        if self.path == "/missing":
            return self.send_error(404)
        header = self.headers.get("Range")
        begin = int(header.removeprefix("bytes=").rstrip("-")) if header and server.ranges else 0
        server.begins.append(begin)
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(server.content) - 1}/{len(server.content)}")
        self.send_header("Content-Length", str(len(server.content) - begin))
        self.end_headers()
        end = server.cut or len(server.content)
        for at in range(begin, end, 10_000):
            self.wfile.write(server.content[at:min(end, at + 10_000)])
            time.sleep(server.delay)
        if server.cut:
            self.close_connection = True  # before all that was promised was sent


@unittest.skipUnless(shutil.which("curl"), "curl is not there")
class Fetch(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "data" / "thing" / "file.bin"
        self.part = self.file.with_name("file.bin.part")
        self.offer(self.server.url("file"))

    def offer(self, url, checksum=SUM, size=len(CONTENT)):
        (self.folder / "sources").write_text(f"# comment\n\nthing file.bin {size} {checksum} {url}\n")

    def command(self, *arguments):
        return [FETCH, "--sources", "sources", "--to", "data", *(arguments or ["thing"])]

    def fetch(self, *arguments):
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return subprocess.run(self.command(*arguments), cwd=self.folder, env=environment, capture_output=True, text=True,
                              timeout=60)

    def fails(self, result, *words):
        self.assertEqual(result.returncode, 1, result)
        last = result.stderr.strip().splitlines()[-1]
        self.assertTrue(last.startswith("datasets/fetch: "), result)
        for word in words:
            self.assertIn(word, last)
        self.assertFalse(self.file.exists())

    def test_whole_file(self):
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(self.file.read_bytes(), CONTENT)
        self.assertFalse(self.part.exists())
        again = self.fetch()
        self.assertIn("there already", again.stdout)
        self.assertEqual(self.server.begins, [0])

    def test_from_a_file(self):
        source = self.folder / "source"
        source.write_bytes(CONTENT)
        self.offer(source.as_uri())
        self.part.parent.mkdir(parents=True)
        self.part.write_bytes(CONTENT[:1000])
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual(self.file.read_bytes(), CONTENT)
        source.unlink()
        self.file.unlink()
        self.fails(self.fetch(), "there is no such file")

    def test_broken_connection_goes_on(self):
        self.server.cut = 120_000
        self.fails(self.fetch(), "after 120000 of 300000 bytes", "goes on")
        self.assertEqual(self.part.read_bytes(), CONTENT[:120_000])
        self.server.cut = None
        self.server.begins.clear()
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual(self.server.begins, [120_000])
        self.assertEqual(self.file.read_bytes(), CONTENT)

    def test_killed_goes_on(self):
        self.server.delay = .05
        process = subprocess.Popen(self.command(), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        deadline = time.monotonic() + 30
        while not (self.part.exists() and self.part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(.02)
        os.killpg(process.pid, 9)
        process.wait()
        had = self.part.stat().st_size
        self.assertTrue(0 < had < len(CONTENT))
        self.assertFalse(self.file.exists())
        self.server.delay = 0
        self.server.begins.clear()
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual(self.server.begins, [had])
        self.assertEqual(self.file.read_bytes(), CONTENT)

    def test_server_without_ranges(self):
        self.part.parent.mkdir(parents=True)
        self.part.write_bytes(CONTENT[:1000])
        self.server.ranges = False
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual(self.file.read_bytes(), CONTENT)

    def test_wrong_sum(self):
        self.server.content = CONTENT[:-1] + b"x"
        self.fails(self.fetch(), f"not the expected 300000 bytes with sum {SUM}", "removed")
        self.assertFalse(self.part.exists())
        self.server.content = CONTENT  # and then the right one
        self.assertEqual(self.fetch().returncode, 0)

    def test_wrong_beginning(self):
        self.part.parent.mkdir(parents=True)
        for bad in (b"?" * 1000, b"?" * 400_000):  # of another file, and longer than this one
            self.part.write_bytes(bad)
            self.fails(self.fetch(), "not the expected", "removed")
        self.assertEqual(self.fetch().returncode, 0)

    def test_damaged_file_is_fetched_again(self):
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(CONTENT[:-1])
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual(self.file.read_bytes(), CONTENT)

    def test_missing(self):
        self.offer(self.server.url("missing"))
        self.fails(self.fetch(), "missing", "the server refused")
        self.offer("http://127.0.0.1:9/file")
        self.fails(self.fetch(), "does not answer")

    def test_two_at_once(self):
        self.server.delay = .1
        first = subprocess.Popen(self.command(), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self.server.begins and time.monotonic() < deadline:
            time.sleep(.02)
        self.fails(self.fetch(), "another run")
        self.server.delay = 0
        self.assertEqual(first.wait(), 0)
        self.assertEqual(self.file.read_bytes(), CONTENT)

    def test_options(self):
        for arguments, words in ((["none"], "no set none"), (["--no-such"], "unknown option"), (["--to"], "needs a value"),
                                 (["--list", "--sources", "no_file"], "cannot be read"), (["--to", "x"], "which set?")):
            result = self.fetch(*arguments)
            self.assertEqual(result.returncode, 2, result)
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertIn(words, result.stderr)

    def test_list(self):
        listed = subprocess.run([FETCH, "--list"], capture_output=True, text=True, check=True).stdout
        for word in ("mnist", "fashion-mnist", "tiny-shakespeare", "9912422", "440fcabf", "86c4e6aa"):
            self.assertIn(word, listed)


class Sources(unittest.TestCase):
    def test_form(self):
        rows = [line.split(" ") for line in (ROOT / "datasets" / "sources.txt").read_text().splitlines()
                if not line.startswith("#")]
        self.assertEqual(len(rows), 9)
        for name, file, size, checksum, url in rows:
            self.assertGreater(int(size), 1000)
            self.assertEqual(len(bytes.fromhex(checksum)), 32)
            self.assertTrue(url.startswith("https://") and url.endswith(file), (name, url))


if __name__ == "__main__":
    unittest.main()
