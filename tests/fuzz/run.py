"""Every law under atheris for some seconds each: `python tests/fuzz/run.py [SECONDS] [LAW…]`.

Exit code 1 if a law broke; the bytes that broke it are kept beside the message, in fuzz-findings.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
MEGABYTES, CASE_SECONDS, LARGEST_BYTES = 2_048, 20, 4_096


def main(seconds: int, names: list[str]) -> int:
    from tests.fuzz.laws import LAWS, SEEDS

    findings = ROOT / "fuzz-findings"
    broken = []
    for name in names or list(LAWS):
        with TemporaryDirectory() as corpus:
            for number, seed in enumerate(SEEDS):
                (Path(corpus) / f"seed-{number}").write_bytes(seed)
            findings.mkdir(exist_ok=True)
            ran = subprocess.run(
                [
                    sys.executable, str(Path(__file__).with_name("harness.py")), name, corpus,
                    f"-max_total_time={seconds}", f"-rss_limit_mb={MEGABYTES}", f"-timeout={CASE_SECONDS}",
                    f"-max_len={LARGEST_BYTES}", f"-artifact_prefix={findings}/{name.replace(' ', '-')}-",
                ],
                cwd=ROOT,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )  # fmt: skip
        done = next((line for line in ran.stderr.splitlines()[::-1] if line.startswith("Done ")), "")
        print(f"{name}: {done or 'BROKEN'}", flush=True)
        if ran.returncode or not done:
            broken.append(name)
            print(ran.stderr[-3000:], file=sys.stderr)
    if not any(findings.iterdir()):
        findings.rmdir()
    print(f"{len(broken)} laws broken{': ' + ', '.join(broken) if broken else ''}.")
    return 1 if broken else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(int(given[0]) if given else 10, given[1:]))
