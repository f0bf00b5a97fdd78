#!/usr/bin/env bash
#
# Package: webdataset 1.0.2.
# Guess: in a shard, one object is one sample; its files share the name up to the last dot.
# What happens: the name is cut at the first dot. IAU names have a dot in the seconds of right ascension, so
# J123456.78+012345.6.png and J123456.91+012301.2.png, two objects 2 s of arc apart in right ascension,
# become one sample "J123456" that holds both images, under the keys "78+012345.6.png" and
# "91+012301.2.png". TarWriter takes such names without a word, and what it wrote reads back as fewer
# samples.
# Why it matters: the number of objects shrinks, neighbours on the sky are fused (just the merging pairs one
# looks for), and a later to_tuple("png") finds no image in any sample.
#
# Output seen:
#   3 samples written, 2 read
#   J123456 {'78+012345.6.txt': b'object 0', '91+012301.2.txt': b'object 1'}
#   J123500 {'02-004512.9.txt': b'object 2'}
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check webdataset==1.0.2
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import webdataset

names = ["J123456.78+012345.6", "J123456.91+012301.2", "J123500.02-004512.9"]
with webdataset.TarWriter("shard-000000.tar") as shard:
    for number, name in enumerate(names):
        shard.write({"__key__": name, "txt": f"object {number}"})

read = list(webdataset.WebDataset("shard-000000.tar", shardshuffle=False))
print(f"{len(names)} samples written, {len(read)} read")
for sample in read:
    print(sample["__key__"], {key: sample[key] for key in sample if not key.startswith("__")})

assert [sample["__key__"] for sample in read] == ["J123456", "J123500"]
assert read[0]["78+012345.6.txt"] == b"object 0" and read[0]["91+012301.2.txt"] == b"object 1"
assert not any("txt" in sample for sample in read)
PYTHON
