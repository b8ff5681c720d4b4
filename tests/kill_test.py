#!/usr/bin/env python3
"""kill_test.py FILE_TOOL [COUNT]: a training that writes a checkpoint after every step is killed (kill -9) at COUNT
random moments. After each kill the checkpoint is a whole one, no step is lost that was said to be safe, and the run that
goes on from it ends with the same losses, bit for bit, as one that was never disturbed."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import safetensors_peer as peer

tool = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else int(os.environ.get('XGRAD_KILLS', 20))
rng = random.Random(1)


def run(path, steps):
    return subprocess.Popen([tool, 'train', path, str(steps)], stdout=subprocess.PIPE, text=True)


def wait_for(path, seconds=1):
    end = time.monotonic() + seconds
    while not os.path.exists(path) and time.monotonic() < end:
        pass


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'checkpoint.safetensors')
    safe, while_writing, kill = 0, 0, 0
    # On a busy machine few random moments fall into the writing, so the kills go on until one has, at moments of which
    # we know that a checkpoint is being written.
    while kill < count or (while_writing == 0 and kill < 10 * count):
        process = run(path, 10**9)
        # Begin to count when the first step is done, so that kills fall into training and writing, not into loading.
        line = process.stdout.readline()
        if kill < count:
            time.sleep(rng.uniform(0, .02))
        else:
            wait_for(path + '.part')
        process.send_signal(signal.SIGKILL)
        lines = [line] + process.stdout.readlines()
        process.wait()
        while_writing += os.path.exists(path + '.part')
        safe = max([safe] + [int(words.split()[1]) for words in lines if words.startswith('safe') and words.endswith('\n')])
        tensors, metadata = peer.read(path)
        (step,) = tensors['number.step'][2]
        assert step in (safe, safe + 1), f'kill {kill}: step {safe} was safe, the checkpoint has {step}'
        assert len(tensors['number.losses'][2]) == step == tensors['optimizer.steps'][2][0], f'kill {kill}: mixed'
        safe = step
        kill += 1
    # One more stretch without a kill, and the same number of steps at once.
    losses = [run(p, safe + 5).communicate()[0].splitlines()[-1]
              for p in (path, os.path.join(folder, 'undisturbed.safetensors'))]
    assert losses[0].startswith('losses') and len(losses[0].split()) == safe + 6
    assert losses[0] == losses[1], 'the losses differ'
    print(f'{kill} kills, {while_writing} of them while a checkpoint was being written: '
          f'the same {safe + 5} losses as without')
    assert while_writing > 0, 'no kill fell into the writing of a checkpoint'
