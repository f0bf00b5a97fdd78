#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, h5py 3.16.0, pandas 3.1.1, numpy 2.4.6.
# Guess: table[table["mag"] < 20] leaves out the rows whose magnitude is masked, as pandas and SQL do with what is
# not known; and the same table gives the same rows, whichever file it was read from.
# What happens: the comparison is masked in those rows, but as an index its mask is not looked at. What counts is
# the value beneath the mask, which nobody sees, and which the format decides: 0 from ECSV and CSV, NaN from FITS,
# what was there before the masking from HDF5. Of two masked rows ECSV keeps two, HDF5 one, FITS none. Integers
# from FITS have 999999 beneath, so that there `n > 20` keeps them. `.filled(False)` on the comparison gives the
# right rows.
# Why it matters: this is the line by which candidates are selected, and objects that were not detected are the
# masked ones. A table passes the check in one format and gains its undetected objects in the next.
#
# Output seen:
#   .ecsv: mag < 20 keeps [18.0, 19.5, None, None], n > 20 keeps [40]
#   .csv: mag < 20 keeps [18.0, 19.5, None, None], n > 20 keeps [40]
#   .hdf5: mag < 20 keeps [18.0, 19.5, None], n > 20 keeps [40]
#   .fits: mag < 20 keeps [18.0, 19.5], n > 20 keeps [40, None, None]
#   all, with .filled(False): mag < 20 keeps [18.0, 19.5]
#   pandas: mag < 20 keeps [18.0, 19.5]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 h5py==3.16.0 pandas==3.1.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

from astropy.table import MaskedColumn, Table

hidden = [False, False, False, True, True]
table = Table(
    {
        "mag": MaskedColumn([18.0, 19.5, 22.0, 15.0, 25.0], mask=hidden),
        "n": MaskedColumn([3, 5, 40, 1, 2], mask=hidden),
    }
)
seen = {
    ".ecsv": ([18.0, 19.5, None, None], [40]),
    ".csv": ([18.0, 19.5, None, None], [40]),
    ".hdf5": ([18.0, 19.5, None], [40]),
    ".fits": ([18.0, 19.5], [40, None, None]),
}
for suffix, (bright, many) in seen.items():
    more = {"path": "t", "serialize_meta": True} if suffix == ".hdf5" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.write("t" + suffix, **more)
        back = Table.read("t" + suffix)
    assert back["mag"].mask.tolist() == back["n"].mask.tolist() == hidden
    got = back[back["mag"] < 20]["mag"].tolist(), back[back["n"] > 20]["n"].tolist()
    print(f"{suffix}: mag < 20 keeps {got[0]}, n > 20 keeps {got[1]}")
    assert got == (bright, many)
    assert back[(back["mag"] < 20).filled(False)]["mag"].tolist() == [18.0, 19.5]
print("all, with .filled(False): mag < 20 keeps [18.0, 19.5]")
frame = table.to_pandas()
print("pandas: mag < 20 keeps", frame[frame.mag < 20].mag.tolist())
assert frame[frame.mag < 20].mag.tolist() == [18.0, 19.5]
PYTHON
