#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: a double written to a VOTable is read back as the same double.
# What happens: `precision`, which a VOTable gives for display, travels with a column that was read from one.
# When the table is written again as TABLEDATA, the default, every value of the column is cut to that many
# decimals, also values that were computed or filled in afterwards. BINARY2 and ECSV keep them. No warning.
# Why it matters: the tables of VizieR have a `precision` for nearly every column. Positions refined by a fit,
# or moved to another epoch, and written under the old name are rounded to what the catalogue of origin
# showed: 1.6 arcsec here. Remove `column.meta["precision"]` before writing.
#
# Output seen:
#   read: 210.802, meta {'width': 8, 'precision': '3'}
#   refined: 210.8024391
#   TABLEDATA: 210.802, off by 1.58 arcsec
#   BINARY2: 210.8024391, off by 0.00 arcsec
#   ECSV: 210.8024391, off by 0.00 arcsec
#   TABLEDATA without the note: 210.8024391, off by 0.00 arcsec
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io

from astropy.table import Table

catalogue = b"""<?xml version="1.0"?>
<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="ra" datatype="double" unit="deg" width="8" precision="3"/>
<DATA><TABLEDATA><TR><TD>210.802</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""
table = Table.read(io.BytesIO(catalogue), format="votable")
print(f"read: {table['ra'][0]}, meta {table['ra'].meta}")
table["ra"][0] = 210.8024391
print("refined:", table["ra"][0])


def off(name, **options):
    table.write("again", overwrite=True, **options)
    value = float(Table.read("again", format=options["format"])["ra"][0])
    lost = abs(value - 210.8024391) * 3600
    print(f"{name}: {value}, off by {lost:.2f} arcsec")
    return lost


assert off("TABLEDATA", format="votable") > 1.5
assert off("BINARY2", format="votable", tabledata_format="binary2") == 0
assert off("ECSV", format="ascii.ecsv") == 0
del table["ra"].meta["precision"]
assert off("TABLEDATA without the note", format="votable") == 0
PYTHON
