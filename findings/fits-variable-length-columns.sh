#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, fitsio 1.4.2, numpy 2.4.6.
# Guess: a variable-length column (TFORM 1PA, 1PE) gives texts and arrays of their own length in any
# reader.
# What happens: each of the two readers is right about one kind. astropy hands out texts as arrays of
# single letters (blanks lost), fitsio as texts. fitsio pads short float arrays with zeros to the longest,
# by default, and does not say how long they were; astropy keeps the lengths.
# Why it matters: spectra of many lengths end in a flat zero flux, and object names do not compare equal to
# anything, so that a join on them finds nothing.
#
# Output seen:
#   astropy: [['N', 'G', 'C', '', '1', '0', '6', '8'], ['M', '', '5', '1']] [[1.5, 2.5, 3.5], [4.5]]
#   fitsio:  ['NGC 1068', 'M 51'] [[1.5, 2.5, 3.5], [4.5, 0.0, 0.0]]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 fitsio==1.4.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import fitsio
import numpy as np
from astropy.io import fits
from astropy.table import Table

names = np.array(["NGC 1068", "M 51"], dtype=object)
spectra = np.empty(2, dtype=object)
spectra[:] = [np.array([1.5, 2.5, 3.5], np.float32), np.array([4.5], np.float32)]
columns = [fits.Column("name", "PA()", array=names), fits.Column("flux", "PE()", array=spectra)]
fits.BinTableHDU.from_columns(columns).writeto("spectra.fits")

ours = Table.read("spectra.fits")
print("astropy:", [list(map(str, name)) for name in ours["name"]], [flux.tolist() for flux in ours["flux"]])
theirs = fitsio.read("spectra.fits")
print("fitsio: ", theirs["name"].tolist(), theirs["flux"].tolist())
assert list(ours["name"][1]) == ["M", "", "5", "1"]
assert [flux.tolist() for flux in ours["flux"]] == [[1.5, 2.5, 3.5], [4.5]]
assert theirs["name"].tolist() == ["NGC 1068", "M 51"]
assert theirs["flux"].tolist() == [[1.5, 2.5, 3.5], [4.5, 0.0, 0.0]]
PYTHON
