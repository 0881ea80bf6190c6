"""Same seed, same model: nothing may hang on the order in which a process happens to keep a set of words."""

import os
import subprocess
import sys

LEXICON = """
import hashlib
from goeswith.association.lexical import fit_lexicon
words = [f"word{n}" for n in range(60)]
lexicon = fit_lexicon([words[n : n + 6] for n in range(50)], dimensions=8)
print(list(lexicon.terms), hashlib.sha256(lexicon.axes.tobytes()).hexdigest())
"""


def lexicon_in_a_process(hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", LEXICON], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_two_processes_read_a_catalogue_alike():
    assert lexicon_in_a_process("1") == lexicon_in_a_process("2")
