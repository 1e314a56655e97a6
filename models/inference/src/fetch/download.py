"""Downloads a URL into a file, going on where an earlier download of it stopped: download.py URL FILE SHA256.

pip itself goes on only within one run; the address and the checksum are those that pip reports.
"""

import hashlib
import pathlib
import sys
import urllib.error
import urllib.request

url, path, expected = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
part = path.with_name(path.name + ".part")
out = part.open("a+b")
try:
    # Whoever started an earlier download may have been killed without it: wait for its end.
    import fcntl

    fcntl.flock(out, fcntl.LOCK_EX)
except ImportError:
    pass
if path.exists():
    sys.exit(0)
here = out.seek(0, 2)
request = urllib.request.Request(url, headers={"Range": f"bytes={here}-"} if here else {})
try:
    with urllib.request.urlopen(request, timeout=60) as answer:
        # A server that knows no ranges sends the whole: then it starts anew.
        if answer.status != 206:
            out.truncate(0)
        while block := answer.read(1 << 16):
            out.write(block)
except urllib.error.HTTPError as error:
    # 416: nothing is left to send, all of it is here.
    if not (here and error.code == 416):
        sys.exit(f"ERROR: the server said {error.code}")
except OSError as error:
    sys.exit(f"ERROR: {error}")
out.flush()
out.seek(0)
digest = hashlib.sha256()
while block := out.read(1 << 20):
    digest.update(block)
if digest.hexdigest() != expected:
    part.unlink()
    sys.exit(f"ERROR: it has the SHA-256 {digest.hexdigest()} instead of {expected}")
part.rename(path)
