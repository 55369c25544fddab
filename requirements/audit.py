"""Known vulnerabilities in what requirements/constraints.txt pins, by pip-audit; a note where it cannot ask.

make audit
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).parent / "constraints.txt"


def main() -> int:
    words = ["-r", str(CONSTRAINTS), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        if "ConnectionError" in done.stderr or "ServiceError" in done.stderr:
            print("audit skipped: the database of vulnerabilities cannot be reached")
            return 0
        print(done.stderr, file=sys.stderr)
        return 1
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        print(f"audit skipped: the package index here tells nothing of any of {len(packages)} packages")
        return 0
    found = [(package, each) for package in audited for each in package["vulns"]]
    for package, each in found:
        fixed = ", ".join(each["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {each['id']}, mended in {fixed}")
    print(f"{len(found)} known vulnerabilities in {len(audited)} of {len(packages)} packages audited")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
