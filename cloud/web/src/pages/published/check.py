"""Checks a whole logbook: python3 check.py logbook.ndjson key.pem

Needs Python 3 and openssl 3, no network. Ends with 0 where the file is what was signed, with 1 where it is not.
"""
import hashlib, json, subprocess, sys, tempfile

name, key = sys.argv[1:3]
der = subprocess.run(["openssl", "pkey", "-pubin", "-in", key, "-outform", "DER"], check=True, capture_output=True).stdout
print("key", hashlib.sha256(der).hexdigest())
wrong = []


def signed(line):
    """Whether the line ends with a signature of all that stands before it, by the key."""
    before, mark, digits = line.partition(b',"signature":"')
    if not mark or len(digits) != 130 or digits[128:] != b'"}' or not before.endswith(b',"key":"' + der[-32:].hex().encode() + b'"'):
        return False
    if digits[:128] != digits[:128].lower():
        return False
    with tempfile.NamedTemporaryFile() as text, tempfile.NamedTemporaryFile() as signature:
        text.write(before)
        text.flush()
        signature.write(bytes.fromhex(digits[:128].decode()))
        signature.flush()
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", text.name, "-sigfile", signature.name]
        return subprocess.run(command, capture_output=True).returncode == 0


lines = open(name, "rb").read().split(b"\n")
if lines[-1] == b"":
    lines.pop()
book, last, previous, closed = None, 0, "0" * 64, False
for at, line in enumerate(lines, 1):
    try:
        good = signed(line)
    except ValueError:
        good = False
    if not good:
        wrong.append(f"line {at} is not what was signed")
        continue
    said = json.loads(line)
    if at == 1 and said["kind"] == "book":
        book = said["book"]
        print("logbook of", said["organization"].encode("ascii", "backslashreplace").decode())
    elif said.get("book") != book or closed:
        wrong.append(f"line {at} does not belong there")
    elif said["kind"] == "checkpoint" and at == 2:
        last, previous = said["last"], said["hash"]
        print("entries up to", last, "went, as their years were over")
    elif said["kind"] == "entry":
        if said["number"] != last + 1:
            wrong.append(f"line {at} is entry {said['number']}, and entry {last + 1} was expected")
        elif said["previous"] != previous:
            wrong.append(f"entry {said['number']} does not follow the one before it")
        last, previous = said["number"], hashlib.sha256(line).hexdigest()
    elif said["kind"] == "closing":
        closed = True
        if (said["last"], said["hash"]) != (last, previous):
            wrong.append("the last entries are missing")
    else:
        wrong.append(f"line {at} does not belong there")
if book is None:
    wrong.append("the beginning is missing")
if not closed:
    wrong.append("the end is missing")
print("\n".join(wrong) or f"whole: the last entry is {last}")
sys.exit(1 if wrong else 0)
