"""CPU time of the search for one new sample among many: `python benchmarks/identity_search.py [--people N]`.

The fingerprints are random; the time does not depend on what they hold.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from identity.comparison import Index
from identity.fingerprint import pack_all
from identity.panel import load_panel

SEARCHES = 10


def main() -> None:
    """Draw, search, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000, help="samples searched (default: 100,000)")
    people: int = parser.parse_args().people
    panel, random = load_panel(), np.random.default_rng(1)
    alleles = random.random((SEARCHES, len(panel))) < 0.4  # noqa: PLR2004 - a usual frequency
    codes = (alleles + (random.random(alleles.shape) < 0.4)).astype(np.uint8)  # noqa: PLR2004
    packed = pack_all(codes)
    drawn = random.integers(0, 256, (people, packed.shape[1]), dtype=np.uint8)
    drawn[:SEARCHES] = packed[: min(people, SEARCHES)]
    index = Index(panel)
    began = time.process_time()
    index.add((f"sample-{number}" for number in range(people)), drawn)
    index.search(codes[0])
    first = time.process_time() - began
    began = time.process_time()
    found = [[hit.key for hit in index.search(one)] for one in codes]
    each = (time.process_time() - began) / SEARCHES
    right = all(f"sample-{number}" in keys for number, keys in enumerate(found))
    print(f"{people:,} samples, {len(panel)} sites, {drawn.nbytes / 1e6:.1f} MB packed")
    print(f"first search, with filling the index: {first:.2f} s of CPU; each further one: {each:.3f} s")
    print(f"the sample itself was found each time: {'yes' if right else 'NO'}")


if __name__ == "__main__":
    main()
